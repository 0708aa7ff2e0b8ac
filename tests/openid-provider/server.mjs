// A real OpenID provider for the tests: server.mjs FOLDER ORIGIN, with oidc-provider installed in FOLDER, for a
// Fortnight at ORIGIN. Everyone can sign in with any password; the name before the dash is the person, and what follows
// are their groups: nadia-platform-staff. It prints its address, and ends with its standard input.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [folder, origin] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (type, options, more) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  ...more,
});

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'fortnight',
      client_secret: 'a secret of the tests',
      redirect_uris: [`${origin}/login/openid/callback`],
      post_logout_redirect_uris: [`${origin}/login`],
      backchannel_logout_uri: `${origin}/login/openid/logout`,
      backchannel_logout_session_required: true,
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: {
    keys: [
      key('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'rsa' }),
      key('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'ec' }),
    ],
  },
  scopes: ['openid', 'email', 'profile', 'groups'],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name'],
    groups: ['groups'],
  },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
  },
  // By default it does not send anything to this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['a key of the tests'] },
  findAccount: (_context, id) => {
    const [person, ...groups] = id.split('-');
    return {
      accountId: id,
      claims: () => ({
        sub: person,
        email: `${person}@example.org`,
        email_verified: true,
        name: person[0].toUpperCase() + person.slice(1),
        groups,
      }),
    };
  },
});
server.on('request', provider.callback());
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
console.log(issuer);
