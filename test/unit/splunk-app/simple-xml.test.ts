/** What is found in a classic dashboard that is broken in one way. */
import { describe, expect, it } from 'vitest';
import { judgeSimpleXml } from '../../../splunk-app/validation/simple-xml.ts';
import { parseXml } from '../../../splunk-app/validation/view-xml.ts';

const GOOD = `<form version="1.1" theme="light">
  <label>Web access</label>
  <description>Requests &amp; errors</description>
  <search id="base"><query>index=* sourcetype=$sourcetype|s$ | stats count by status</query>
    <earliest>$time.earliest$</earliest><latest>$time.latest$</latest>
    <done><set token="total">$job.resultCount$</set></done>
  </search>
  <fieldset submitButton="false" autoRun="true">
    <input type="time" token="time"><label>Time</label><default><earliest>-24h@h</earliest><latest>now</latest></default></input>
    <input type="dropdown" token="sourcetype"><choice value="*">all</choice><default>*</default></input>
  </fieldset>
  <row depends="$total$">
    <panel>
      <title>Requests: $total$ for $env:user$</title>
      <chart><search base="base"><query>timechart count by status</query></search>
        <option name="charting.chart">column</option>
        <drilldown><set token="status">$click.value2$</set><link target="_blank">search?q=$row.status$</link></drilldown>
      </chart>
      <single><search ref="Kinesis - lag" app="kinloader"/></single>
    </panel>
  </row>
  <row depends="$status$"><panel><html><p class="note">Only <b>errors</b></p></html></panel></row>
</form>`;

const faultsOf = (xml: string) => judgeSimpleXml(parseXml(xml));

describe('a classic dashboard', () => {
  it('that is right has no fault', () => {
    expect(faultsOf(GOOD)).toEqual([]);
  });

  it.each<[fault: string, what: string, instead: string, expected: RegExp]>([
    ['without its version', ' version="1.1"', '', /version is not "1\.1"/],
    ['of another version', 'version="1.1"', 'version="1.0"', /version is not "1\.1"/],
    ['without a label', '<label>Web access</label>', '', /has no <label>/],
    ['with a misspelt element', '<chart>', '<chrt>', /<chrt> has no place in <panel>/],
    [
      'with an element in a wrong place',
      '<row depends="$total$">',
      '<row depends="$total$"><chart/>',
      /<chart> has no place in <row>/,
    ],
    ['with a misspelt attribute', 'submitButton', 'submitbutton', /no attribute submitbutton/],
    ['with an unknown kind of input', 'type="dropdown"', 'type="dropdwn"', /<input> has no type "dropdwn"/],
    ['with a search without a query', '<query>timechart count by status</query>', '', /neither a query nor a ref/],
    ['with a search that goes on from nothing', 'base="base"', 'base="bas"', /goes on from bas/],
    ['with a token that nothing sets, in a search', '$sourcetype|s$', '$sourcetyp|s$', /token \$sourcetyp\$/],
    ['with a token that nothing sets, in depends', 'depends="$status$"', 'depends="$sttus$"', /token \$sttus\$/],
    ['with a script among the text', '<p class="note">', '<script>1</script><p>', /<script> has no place in <html>/],
    ['with a script in an attribute', 'class="note"', 'onclick="x()"', /script or an http:\/\/ address in onclick/],
    [
      'with an address in clear text',
      '<b>errors</b>',
      '<img src="http://example.com/x.png"/>',
      /http:\/\/ address in src/,
    ],
  ])('%s is found', (_fault, what, instead, expected) => {
    const closing = what === '<chart>' ? ['</chart>', '</chrt>'] : ['', ''];
    const broken = GOOD.replace(what, () => instead).replace(closing[0]!, closing[1]!);
    expect(broken).not.toBe(GOOD);
    expect(faultsOf(broken)).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
  });

  it('that is no XML is refused', () => {
    expect(() => parseXml(GOOD.replace('</form>', ''))).toThrow();
    expect(() => parseXml(GOOD.replace('&amp;', '&'))).toThrow();
    expect(() => parseXml('')).toThrow();
  });
});
