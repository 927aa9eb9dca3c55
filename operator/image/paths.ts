/** Where things lie in the image, from its root and without a leading slash. */
export const NODE = 'usr/local/bin/node';
export const PROGRAMS = 'usr/local/lib/kinlog';
export const SBOM = 'usr/share/doc/kinlog/sbom.cdx.json';
/** Of the user and group that the programs run as; nobody on any host. */
export const USER = 65532;
