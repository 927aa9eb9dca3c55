/** What the page asks of splunkd: names of secrets, never secrets, and inputs without what was typed into them. */
import { splunkd } from './splunk-web.js';

export const APP = 'kinloader';
export const SCHEME = 'kinesis_log';
const PASSWORDS = `servicesNS/nobody/${APP}/storage/passwords`;
const INPUTS = `servicesNS/nobody/${APP}/data/inputs/${SCHEME}`;
const NEEDED_FOR_INPUTS = 'admin_all_objects, or the one for this input';

/** As splunkd names an entry: `realm:name:`, with a backslash before colons of either part. */
const passwordPath = (realm, name) =>
  `${PASSWORDS}/${encodeURIComponent(`${[realm, name].map((part) => part.replace(/:/g, '\\:')).join(':')}:`)}`;

/** Names by realm; only these two fields are asked for, so no secret travels. */
export async function storedNames() {
  const query = [
    ['count', '0'],
    ['f', 'realm'],
    ['f', 'username'],
  ];
  const entries = await splunkd('GET', PASSWORDS, { query, needs: 'list_storage_passwords' });
  const names = new Map();
  for (const { content = {} } of entries)
    names.set(content.realm, [...(names.get(content.realm) || []), String(content.username)].sort());
  return names;
}

/** Refused with status 409 when the name is taken. `hide` is what nobody may read in an answer. */
export const addPassword = (realm, name, { password, hide }) => store(PASSWORDS, { name, realm, password }, hide);

export const replacePassword = (realm, name, { password, hide }) =>
  store(passwordPath(realm, name), { password }, hide);

export const removePassword = (realm, name) =>
  splunkd('DELETE', passwordPath(realm, name), { needs: 'edit_storage_passwords' });

const store = (path, fields, hide) => splunkd('POST', path, { fields, needs: 'edit_storage_passwords', hide });

/** Of all apps. */
export async function inputs() {
  const fields = ['stream_name', 'aws_region', 'disabled', 'aws_credential', 'hec_credential', 'proxy'];
  const query = [['count', '0'], ...fields.map((field) => ['f', field])];
  return splunkd('GET', `servicesNS/nobody/-/data/inputs/${SCHEME}`, { query, needs: NEEDED_FOR_INPUTS });
}

export const createInput = (fields) => splunkd('POST', INPUTS, { fields, needs: NEEDED_FOR_INPUTS });

/** Good when there is none of that name. */
export const removeInput = (name) =>
  splunkd('DELETE', `${INPUTS}/${encodeURIComponent(name)}`, { needs: NEEDED_FOR_INPUTS }).catch((error) => {
    if (error.status !== 404) throw error;
  });

export const finishSetup = () =>
  splunkd('POST', `servicesNS/nobody/${APP}/apps/local/${APP}`, {
    fields: { configured: 'true' },
    needs: 'edit_local_apps',
  });
