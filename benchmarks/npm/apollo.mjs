// Apollo Server 5 with dataloader, on its own standalone server.
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import DataLoader from 'dataloader';
import { loadUsers, port, root, typeDefs } from './world.mjs';

const server = new ApolloServer({
  typeDefs,
  resolvers: { Query: root, Post: { user: (post, _, { users }) => users.load(post.userId) } },
});

await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: Number(port) },
  context: async ({ req }) => ({
    authorization: req.headers.authorization,
    users: new DataLoader(loadUsers),
  }),
});
