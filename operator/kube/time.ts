/** Times as the API server takes them; each type refuses the other's. */

/** MicroTime, as in Lease and Event: exactly six digits. `ms` of the wall clock. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace(/Z$/, '000Z');
