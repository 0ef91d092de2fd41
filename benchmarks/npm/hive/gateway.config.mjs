// Hive Gateway over the REST upstream, with JIT. supergraph.graphql was composed by @graphql-mesh/compose-cli.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInlineSigningKeyProvider, defineConfig } from '@graphql-hive/gateway';

const [key] = JSON.parse(readFileSync(process.env.BENCH_KEYS, 'utf8')).keys;

export const gatewayConfig = defineConfig({
  supergraph: process.env.BENCH_SUPERGRAPH,
  host: '127.0.0.1',
  port: Number(process.env.BENCH_PORT),
  logging: 'warn',
  graphiql: false,
  landingPage: false,
  additionalResolvers: { Query: { greet: () => 'Hello World!' } },
  jwt: {
    signingKeyProviders: [
      createInlineSigningKeyProvider(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })),
    ],
    tokenVerification: { algorithms: ['ES256'], issuer: 'https://issuer.benchmarks.example', audience: 'simpul' },
    reject: { missingToken: false, invalidToken: true },
  },
  upstreamTimeout: Number(process.env.BENCH_DEADLINE_MS) || undefined,
  jit: true,
});
