/** The name that all contenders write on their events. */
export const STANZA = 'kinesis_log://bench';
