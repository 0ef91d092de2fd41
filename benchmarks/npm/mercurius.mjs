// Mercurius on Fastify, with its JIT from the first request on, and dataloader.
import DataLoader from 'dataloader';
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { loadUsers, port, root, typeDefs } from './world.mjs';

const app = Fastify({ logger: false });

app.register(mercurius, {
  schema: typeDefs,
  resolvers: { Query: root, Post: { user: (post, _, { users }) => users.load(post.userId) } },
  context: (request) => ({
    authorization: request.headers.authorization,
    users: new DataLoader(loadUsers),
  }),
  jit: 1,
});

await app.listen({ host: '127.0.0.1', port: Number(port) });
