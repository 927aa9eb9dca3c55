/** Lines that have broken a HEC reader somewhere: every corner of the grammar, of times, of escapes and of bytes that are no text. */

const cat = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const ev = (value: string) =>
  Buffer.from(`{"time":1795217871.123,"host":"h","source":"s","sourcetype":"t","index":"i","event":${value}}`);
const line = (text: string) => Buffer.from(text);

/** Values of `event`. */
const VALUES =
  String.raw`"plain"|"a\nb\tc\rd\be\ff\/g\\h\"i"|"\u0041\u00e9\u20ac\ud83d\ude00"|"lone \ud800 hi \udc00 lo \ud83d\ud83d\ude00 x"|"\ud83d\u0041"
"\ud83dx"|"\ud83d\n"|"nul \u0000 \u0001 \u001f \u007f \u0085 \ufffe \uffff \ufeff"|"bad \ud83d\u12G4"|"bad \x41"|"bad \u12"|"bad \u00g0"
"é€😀"|"CR \r\n end"|{"a": {"b":[1,2,{"c":null}]} , "d":"x<y>&z"}|{"a":1,"a":2}|[1, 2,3 ]|12.5e3|true|null|""|-0|01|1.|.5|+1|1e|1e+5|-|tru|truex|nul
{"a":1,}|[1,]|{,}|{"a"}|{"a":}|{1:2}|[1 2]|'x'|{"a":"\q"}|{"\u12":1}|[[[[[]]]],{}]|{"a":[}]|tRue|"last\u2028\u2029"|"\ud83d\udg00"|"\udc00\ud800"
{"id":123456789012345678901234567890,"f":1.00,"e":1E400}`
    .split(/[|\n]/)
    .map(ev);

const TIMES =
  String.raw`"1795217871.5"|"1795217871.123456789"|1795217871.123456789|1.795217871e9|-5|""|"abc"|null|true|0|0.000001|99999999999999999999
"17952\u00317871"|12345678901|[1]|{"a":1}|" 17 "|"17.9"|"1795217871."|1e-3|9007199254.740991|9007199254.740992`
    .split(/[|\n]/)
    .map((time) => line(`{"time":${time},"event":"t"}`));

const LINES =
  String.raw`{"event":"first","event":"second \"x\"","event":"third \u0041"}|{"event":{"a":1},"host":"h1","host":"h2"}|{"event":"x","event":null}
{"event":null,"event":"x"}|{"host":"h"}|{}| {  } |[1]|"str"|5|null|not json at all & <x>|  {"event" : "ws" ,	"time" : 1 }  |{"event":"trunc|{"event":"trunc\|{"event":"trunc\u00
{"event":"x"|{"event":"x"}}|{"event":"x"} {"event":"y"}|{"event":"x"}{"event":"y"}{"event":null} {"event":"z"} |{"event":"x"},|{"event":"x"}[1]|   |{"event":"x"}{"event":
{"host":"a<b>&\r\u0000\"","source":5,"sourcetype":{"x":1},"index":null,"event":"m"}|{"h\u006fst":"esc key","\u0065vent":"by escaped key"}|{"host":"","event":"e"}
{"time":1,"fields":{"a":"b"},"event":"f"}|{"fields":"nope","event":"f"}|{"event":"x","extra":{"event":"inner","host":"inner"}}|{"__proto__":1,"event":"p"}|{"Event":"case"}
{"host":"\u0068","event":"spelled"}|{"host":true,"event":1}|{"event":"x","fields":{"a":"b"},"fields":null}|{"events":"x","event":"y"}|{"sourcetype ":"x","event":"y"}`
    .split(/[|\n]/)
    .map(line);

export const NASTY: readonly Buffer[] = [
  ...VALUES,
  ...TIMES,
  ...LINES,
  line('{"event":"ends in CR"}\r'),
  line('\r'),
  line('\t\r'),
  line(''),
  line('\ufeff{"event":"bom"}'),
  line('\u00a0{"event":"nbsp"}'),
  line('{"event":"vt"}\u000b'),
  line('\u0000{"event":"nul"}'),
  line('{"event":"tab\there"}'),
  line('{"event":"control\u0001"}'),
  line('{"event":\n  {"pretty":\n true},\r\n "host":\n\t"h"\n}'),
  line('{\n}\n{"event":"after an empty one"}'),
  line('{"event":\n"x"\n} {"event":\n"y"}{"event":"z"}'),
  line('{"event":\n"x"\n} junk'),
  line('{"event":["never",\n"closed"\n{"event":"x"}'),
  ev(`"${'&'.repeat(300)}"`),
  ev(`"${'x'.repeat(15)}<"`),
  ev(`"${'x'.repeat(16)}\\n${'y'.repeat(17)}"`),
  ev(`"${'x'.repeat(60)}\\n${'y'.repeat(60)}"`),
  ev(`"${'é'.repeat(2001)}"`),
  ev('['.repeat(150) + ']'.repeat(150)),
  cat('{"event":"bad ', [0xff, 0xfe, 0xc3], '(', [0xe2, 0x82], 'x', [0xf0, 0x9f, 0x98], 'y', [0xc0, 0x80], '"}'),
  cat('{"event":"', [0xed, 0xa0, 0x80, 0xf5, 0x80, 0xf4, 0x90, 0x80, 0x80], '"}'),
  cat('{"event":"cut ', [0xe2, 0x82], '"}'),
  cat('{"event":"cut ', [0xf0, 0x9f], String.raw`\u00e9`, [0x80], String.raw`\n`, [0xf0, 0x9f, 0x98], '"}'),
  cat([0xc3], '{"event":"x"}'),
  cat('{"event":"', [0xef, 0xbf, 0xbe, 0xef, 0xbf, 0xbf, 0xef, 0xbf], '"}'),
  cat('{"host":"', [0xff], 'h<&>","event":{"k":"', [0xe2, 0x28, 0xa1], '"}}'),
];
