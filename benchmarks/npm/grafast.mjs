// Grafast with plans (no resolvers), on grafserv with Node's own server.
import { createServer } from 'node:http';
import { constant, context, loadMany, loadOne, makeGrafastSchema } from 'grafast';
import { grafserv } from 'grafserv/node';
import { get, loadUsers, own, port, typeDefs } from './world.mjs';

// Grafast is written for Node 22. Of its functions, Node 20 lacks this one.
Promise.withResolvers ??= function withResolvers() {
  const made = {};
  made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

const loadPosts = { load: (all) => all.map(() => get('/posts')) };
const readOwn = (kind) => ({
  shared: () => context(),
  load: (ids, { shared }) => ids.map((id) => own(kind, id, shared)),
});
const [accounts, orders, messages] = ['accounts', 'orders', 'messages'].map(readOwn);

const schema = makeGrafastSchema({
  typeDefs,
  objects: {
    Query: {
      plans: {
        greet: () => constant('Hello World!'),
        posts: () => loadMany(constant('all'), loadPosts),
        account: (_, { $id }) => loadOne($id, accounts),
        orders: (_, { $id }) => loadMany($id, orders),
        messages: (_, { $id }) => loadMany($id, messages),
      },
    },
    Post: { plans: { user: ($post) => loadOne($post.get('userId'), loadUsers) } },
  },
});

const preset = {
  grafserv: { graphqlPath: '/graphql', graphiql: false, websockets: false },
  grafast: { context: ({ node }) => ({ authorization: node.req.headers.authorization }), explain: false },
};

const server = createServer();
await grafserv({ schema, preset }).addTo(server);
server.listen({ host: '127.0.0.1', port: Number(port) });
