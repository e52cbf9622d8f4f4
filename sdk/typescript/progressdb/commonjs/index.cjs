'use strict';
/**
 * What `require` gives: the function itself, which also holds everything that the module exports, `default` included.
 */
const all = require('../dist/cjs/index.js');

module.exports = Object.assign(all.ProgressDB, all);
Object.defineProperty(module.exports, '__esModule', { value: true });
