// The subgraph of clubs by Apollo Server and @apollo/subgraph.
import { GraphQLError, parse } from 'graphql';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';

const typeDefs = parse(`
extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
type Query { clubs(text: String, first: Int!, after: String): ClubConnection! }
type ClubConnection { edges: [ClubEdge!]! pageInfo: PageInfo! }
type ClubEdge { node: Club! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Club @key(fields: "id") { id: ID! name: String! place: Place }
type Place { city: String }
type Person @key(fields: "nik") { nik: ID! memberships: [Membership!] }
type Membership { club: Club! number: Int }`);

const fail = (code) => { throw new GraphQLError('gagal', { extensions: { code } }); };
const club = (id) => ({ id, name: `Klub ${id}` });
const resolvers = {
  Query: {
    clubs: (_, { first, after }) => {
      const start = Number(after ?? 0);
      const edges = ['1', '2', '3'].slice(start, start + first).map((id) => ({ node: club(id) }));
      return { edges, pageInfo: { hasNextPage: start + first < 3, endCursor: String(start + first) } };
    },
  },
  Club: {
    __resolveReference: async ({ id }) => (id === '6' ? fail('FORBIDDEN') : id === '9' ? null : club(id)),
    place: ({ id }) => (id === '5' ? fail('INTERNAL') : { city: 'Jakarta' }),
  },
  Person: { __resolveReference: ({ nik }) => ({ nik, memberships: [{ club: club('1'), number: 12 }] }) },
};
const server = new ApolloServer({
  schema: buildSubgraphSchema({ typeDefs, resolvers }),
  plugins: [ApolloServerPluginInlineTraceDisabled()],
});
const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
console.log(new URL(url).port);
