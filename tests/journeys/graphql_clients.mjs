// Asks a hub with the GraphQL clients that applications use, and prints what they got and what went over the wire.
//
//   node graphql_clients.mjs manifest            the manifest of the operations below, as Apollo's tools write it
//   node graphql_clients.mjs SCENARIO URL [TOKEN]
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client/core';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { print } from 'graphql';

const PRICES = gql`query Prices($first: Int = 1) { markets(first: $first) { name } }`;
const OWN = gql`query Own($first: Int = 2) { markets(first: $first) { name level } }`;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

const [scenario, url, token] = process.argv.slice(2);
const wire = [];

/** `fetch`, which remembers what was asked and what came back. */
async function remembering(address, options) {
  const given = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(address).searchParams);
  const response = await fetch(address, options);
  const answer = await response.clone().json();
  wire.push({
    method: options.method ?? 'GET',
    text: Boolean(given.query),
    id: (typeof given.extensions === 'string' ? JSON.parse(given.extensions) : given.extensions)?.persistedQuery
      ?.sha256Hash ?? given.documentId ?? null,
    status: response.status,
    code: answer.errors?.[0]?.extensions?.code ?? null,
    cache: response.headers.get('cache-control'),
  });
  return response;
}

const headers = token ? { authorization: `Bearer ${token}` } : {};

function apollo(options) {
  const http = new HttpLink({ uri: url, fetch: remembering, headers });
  const link = options ? ApolloLink.from([new PersistedQueryLink(options), http]) : http;
  return new ApolloClient({ cache: new InMemoryCache(), link });
}

/** The manifest, of documents as this very client sends them (`__typename` added). */
function manifest() {
  const body = print(apollo().documentTransform.transformDocument(PRICES));
  const operation = { id: sha256(body), name: 'Prices', type: 'query', body };
  return { format: 'apollo-persisted-query-manifest', version: 1, operations: [operation] };
}

async function byApollo(client, query, variables) {
  const { data, error } = await client.query({ query, variables, fetchPolicy: 'no-cache', errorPolicy: 'all' });
  return { data: data ?? null, error: error?.message ?? null };
}

async function byUrql(options, query, variables) {
  const client = new Client({
    url,
    fetch: remembering,
    fetchOptions: { headers },
    preferGetMethod: false,
    exchanges: [persistedExchange(options), fetchExchange],
  });
  const { data, error } = await client.query(query, variables, { requestPolicy: 'network-only' }).toPromise();
  return { data: data ?? null, error: error?.message ?? null };
}

const listed = () => apollo(generatePersistedQueryIdsFromManifest({ loadManifest: () => manifest() }));
const SCENARIOS = {
  // A partner: ids of the manifest, and nothing else.
  'apollo-ids': async () => [await byApollo(listed(), PRICES, { first: 2 })],
  // A partner whose application sends what is in no manifest.
  'apollo-unlisted': async () => [
    await byApollo(listed(), OWN).catch((error) => ({ data: null, error: error.message })),
  ],
  // A partner that sends texts, as the client does without a manifest.
  'apollo-texts': async () => [await byApollo(apollo(), PRICES)],
  // The city's own frontend: texts become known by their hash, which a GET may name.
  'apollo-apq': async () => {
    const client = apollo({ sha256, useGETForHashedQueries: true });
    return [await byApollo(client, OWN), await byApollo(client, OWN), await byApollo(client, OWN, { first: 1 })];
  },
  'urql-ids': async () => {
    const id = manifest().operations[0].id;
    const options = { generateHash: async () => id, enforcePersistedQueries: true, preferGetForPersistedQueries: false };
    return [await byUrql(options, PRICES, { first: 2 })];
  },
  'urql-apq': async () => {
    const options = { generateHash: async (text) => sha256(text), preferGetForPersistedQueries: true };
    return [await byUrql(options, OWN), await byUrql(options, OWN)];
  },
};

console.log(JSON.stringify(scenario === 'manifest' ? manifest() : { answers: await SCENARIOS[scenario](), wire }));
