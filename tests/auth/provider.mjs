// npm `oidc-provider` on loopback: applications and people of any name, access tokens as JWT for the hub.
// Called with its port and that of the hub's pages; prints a line once it listens.
import { Provider } from 'oidc-provider';

const [port, pages] = process.argv.slice(2).map(Number);
const url = `http://127.0.0.1:${port}`;
const hub = {
  scope: 'prices verify',
  audience: 'https://simpul.example',
  accessTokenFormat: 'jwt',
  accessTokenTTL: 600,
  jwt: { sign: { alg: 'RS256' } },
};

const provider = new Provider(url, {
  clients: [
    {
      client_id: 'bank',
      client_secret: 'a-secret-of-the-bank',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'city-app',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
    {
      client_id: 'simpul-pages',
      client_secret: 'a-secret-of-the-pages',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/sign-in/callback'],
      post_logout_redirect_uris: ['http://127.0.0.1/signed-out'],
      backchannel_logout_uri: `http://127.0.0.1:${pages}/sign-out/issuer`,
      backchannel_logout_session_required: true,
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  cookies: { keys: ['a key for cookies'] },
  features: {
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://simpul.example',
      getResourceServerInfo: () => hub,
      useGrantedResource: () => true,
    },
  },
  // Without its dispatcher, which refuses loopback.
  fetch: (address, { dispatcher, ...options }) => fetch(address, options),
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

provider.listen(port, '127.0.0.1', () => console.log('listening'));
