/** The kinds of secrets: what is typed, by which rules, and in which form the input reads it. The rules are the input's own; a test compares them. */

const NAME = /^[a-zA-Z0-9_.-]{1,64}$/;

export const KINDS = [
  {
    realm: 'kinloader_aws',
    option: 'aws_credential',
    id: 'aws',
    title: 'AWS access keys',
    one: 'access key',
    text: 'For inputs that name a stored access key. Without one the usual places of the AWS SDK are asked: environment, shared files, instance role. A role is the better way where there is one.',
    fields: [
      { id: 'key-id', label: 'Access key ID', example: 'AKIAIOSFODNN7EXAMPLE', check: keyIdFault },
      { id: 'secret-key', label: 'Secret access key', secret: true, check: secretKeyFault },
    ],
    password: ([accessKeyId, secretAccessKey]) => JSON.stringify({ accessKeyId, secretAccessKey }),
  },
  {
    realm: 'kinloader_hec',
    option: 'hec_credential',
    id: 'hec',
    title: 'HEC tokens',
    one: 'HEC token',
    text: 'For inputs whose output is an HTTP Event Collector.',
    fields: [{ id: 'token', label: 'Token', secret: true, check: tokenFault }],
    password: ([token]) => token,
  },
  {
    realm: 'kinloader_proxy',
    option: 'proxy',
    id: 'proxy',
    title: 'Proxies',
    one: 'proxy',
    text: 'HTTP proxies that ask for a user and a password. The address of one that does not can be written into the input itself.',
    fields: [
      { id: 'address', label: 'Address', example: 'http://proxy.example.com:3128', check: addressFault },
      { id: 'user', label: 'User', check: (user) => (user === '' ? 'Type the user.' : '') },
      { id: 'password', label: 'Password', secret: true, check: (word) => (word === '' ? 'Type the password.' : '') },
    ],
    password: proxyAddress,
  },
];

export function nameFault(name) {
  return NAME.test(name) ? '' : 'A name has 1 to 64 letters, digits, dots, dashes and underscores.';
}

function keyIdFault(id) {
  if (/^ASIA/.test(id))
    return 'Keys that begin with ASIA are of a session and end within hours. Use a key of an IAM user (AKIA…), or a role.';
  return /^[A-Z0-9]{16,128}$/.test(id) ? '' : 'An access key ID has 16 to 128 capital letters and digits.';
}

function secretKeyFault(key) {
  return /^[\x21-\x7e]{8,200}$/.test(key) && !key.includes('****')
    ? ''
    : 'A secret access key has 8 to 200 characters, no blanks, and is not the mask that Splunk shows.';
}

function tokenFault(token) {
  return /^[\x21-\x7e]{1,200}$/.test(token) && !token.includes('****')
    ? ''
    : 'A token has 1 to 200 characters, no blanks, and is not the mask that Splunk shows.';
}

function addressFault(address) {
  const url = parsed(address);
  if (url === undefined || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(address))
    return 'An address looks like http://proxy.example.com:3128.';
  if (url.username !== '' || url.password !== '') return 'Type user and password into their own fields.';
  return /^\/?$/.test(url.pathname) && url.search === '' && url.hash === '' ? '' : 'An address ends with its port.';
}

function proxyAddress([address, user, password]) {
  const url = new URL(address);
  return `${url.protocol}//${encodeURIComponent(user)}:${encodeURIComponent(password)}@${url.host}`;
}

function parsed(address) {
  try {
    return new URL(address);
  } catch {
    return undefined;
  }
}
