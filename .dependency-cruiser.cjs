/** Imports go one way (docs/DESIGN.md section 2); test/tidy.test.ts checks the same by an import scan of its own. */
const layer = (from, to, except = '') => ({
  name: `${from} may not import others`,
  severity: 'error',
  from: { path: `^src/(${from})/` },
  to: { path: '^src/', pathNot: `^src/(${[from.includes('|') ? '$1' : from, ...to].join('|')})/${except}` },
});
const engines = 'kv|queue|stream|pubsub|chat|auth';

module.exports = {
  forbidden: [
    layer('core', []),
    layer(engines, ['core']),
    layer('store|ops', ['core']),
    layer('wire', ['core']),
    layer('commands', ['core', 'kv', 'queue', 'stream', 'pubsub', 'chat', 'auth']),
    layer('faces', ['core', 'commands']),
    layer('transports', ['core', 'commands', 'faces', 'wire']),
    {
      name: 'uWebSockets.js is imported in one file',
      severity: 'error',
      from: { pathNot: '^src/transports/uws\\.ts$' },
      to: { path: 'node_modules/(uWebSockets\\.js|uws-pack)/' },
    },
    {
      name: 'engines know neither schemas nor wires nor stores',
      severity: 'error',
      from: { path: `^src/(core|${engines})/` },
      to: { path: 'node_modules/(zod|lmdb|msgpackr|pino|prom-client|commander|yaml)/' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs'], conditionNames: ['import', 'types', 'node'] },
  },
};
