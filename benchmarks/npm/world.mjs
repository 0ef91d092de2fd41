// What the peers on Node share: the schema, the upstream, and the check of tokens.
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { Pool } from 'undici';

export const [port, upstream, keys] = process.argv.slice(2);

// Without a deadline of the benchmark: undici's own, five minutes.
const deadline = Number(process.env.BENCH_DEADLINE_MS) || undefined;
const pool = new Pool(upstream, { connections: 256, headersTimeout: deadline, bodyTimeout: deadline });
const keySet = createLocalJWKSet(JSON.parse(readFileSync(keys, 'utf8')));

export const typeDefs = `
  type User { id: Int! name: String! email: String! }
  type Post { id: Int! title: String! body: String! user: User }
  type Account { id: String name: String balance: Int }
  type Order { id: Int item: String total: Int }
  type Message { id: Int subject: String unread: Boolean }
  type Query {
    greet: String
    posts: [Post!]
    account(id: ID!): Account
    orders(id: ID!): [Order!]
    messages(id: ID!): [Message!]
  }
`;

export async function get(path) {
  const { body, statusCode } = await pool.request({ path, method: 'GET' });
  if (statusCode >= 400) {
    await body.dump();
    throw new Error(`The upstream answered with status ${statusCode}.`);
  }
  return body.json();
}

export async function loadUsers(ids) {
  const users = await get(`/users?id=${ids.join(',')}`);
  const byId = new Map(users.map((user) => [user.id, user]));
  return ids.map((id) => byId.get(id) ?? null);
}

// Verified once a request, however many fields ask.
export async function signedIn(authorization) {
  const { payload } = await jwtVerify((authorization ?? '').slice('Bearer '.length), keySet, {
    issuer: 'https://issuer.benchmarks.example',
    audience: 'simpul',
    algorithms: ['ES256'],
  });
  return payload.nik;
}

export async function own(kind, id, context) {
  context.owner ??= signedIn(context.authorization);
  if ((await context.owner) !== id) throw new Error('The token does not belong to this id.');
  return get(`/${kind}/${id}`);
}

export const root = {
  greet: () => 'Hello World!',
  posts: () => get('/posts'),
  account: (_, { id }, context) => own('accounts', id, context),
  orders: (_, { id }, context) => own('orders', id, context),
  messages: (_, { id }, context) => own('messages', id, context),
};
