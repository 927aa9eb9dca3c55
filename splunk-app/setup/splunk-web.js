/** Calls to splunkd through Splunk Web, and what went wrong in words for the person at the page. */

const TIMEOUT_MS = 60000;

/** What stands before /app/…: the root endpoint, if there is one, and the locale. */
export const prefix = (/^(.*?)\/(?:app|manager)\//.exec(window.location.pathname) || ['', '/en-US'])[1];

/** Cookies of one host are shared by all its ports, so the token is looked for by the port that Splunk Web tells. */
function formKey() {
  const cookies = document.cookie.split(/;\s*/).map((cookie) => cookie.split('='));
  const tokens = cookies.filter(([name]) => /^splunkweb_csrf_token_\d+$/.test(name));
  const config = window.$C || {};
  const ports = [config.MRSPARKLE_PORT_NUMBER, window.location.port].map((port) => `splunkweb_csrf_token_${port}`);
  const token = tokens.find(([name]) => ports.includes(name)) || tokens[0];
  return token === undefined ? '' : decodeURIComponent(token.slice(1).join('='));
}

/** What went wrong, in words for the person at the page. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The entries of the answer; of a POST nothing is read, because splunkd repeats what it was given. `needs` is the capability for it, `hide` what must not be shown. */
export async function splunkd(method, path, { fields, query = [], needs, hide = [] } = {}) {
  const parameters = new URLSearchParams([['output_mode', 'json'], ...query]);
  const answer = await asked(`${prefix}/splunkd/__raw/${path}?${parameters}`, method, fields);
  const json = isJson(answer);
  // A page instead of an answer is the one to log in.
  if (answer.ok && !json) throw new Refusal(401, SESSION_OVER);
  if (!answer.ok) throw new Refusal(answer.status, inWords(answer.status, json ? await said(answer, hide) : '', needs));
  return method === 'GET' ? (await answer.json()).entry || [] : [];
}

const isJson = (answer) => (answer.headers.get('content-type') || '').includes('json');

async function asked(address, method, fields) {
  const form = fields === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' };
  try {
    return await fetch(address, {
      method,
      headers: { 'X-Splunk-Form-Key': formKey(), 'X-Requested-With': 'XMLHttpRequest', ...form },
      body: fields === undefined ? undefined : new URLSearchParams(fields).toString(),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Refusal(0, 'Splunk Web does not answer. Check the connection and try again.');
  }
}

const SESSION_OVER = 'Your session has ended. Log in to Splunk again, then reload this page.';

/** splunkd's own words, without anything secret that it was told. */
async function said(answer, hide) {
  const { messages = [] } = await answer.json().catch(() => ({}));
  const text = messages.map((message) => String(message.text)).join(' ');
  const inForm = (secret) => new URLSearchParams([['', secret]]).toString().slice(1);
  const forms = hide.flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    inForm(secret),
  ]);
  return forms.reduce((words, form) => (form === '' ? words : words.split(form).join('…')), text);
}

function inWords(status, words, needs) {
  if (status === 401) return SESSION_OVER;
  if (status === 403)
    return `You are not allowed to do this. It takes the capability ${needs}, and this app lets only the roles admin and sc_admin do it. Reload this page if your session is old. ${words}`.trim();
  if (status === 404) return `It is not there any more: somebody else has removed it. ${words}`.trim();
  if (status === 502 || status === 503 || status === 504)
    return `Splunk is starting or busy. Try again in a minute. ${words}`.trim();
  return words === '' ? `Splunk answered with HTTP status ${status}. splunkd.log tells more.` : words;
}
