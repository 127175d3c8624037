/*
 * Runs a script of this repository under a Node that can: `node tools/run.cjs FILE [ARGUMENT]…`. The scripts of
 * package.json go through it, so that they work whatever `node` the system brings. Commands the script starts find
 * the same Node. JavaScript that Node 12 still parses.
 */
'use strict';

const path = require('path');
const url = require('url');
const { isNewEnough, handOver } = require('../bin/pinned-node.js');

if (isNewEnough()) runHere();
else handOver(__filename);

function runHere() {
  process.env.PATH = path.dirname(process.execPath) + path.delimiter + process.env.PATH;
  process.argv.splice(1, 1);
  process.argv[1] = path.resolve(process.argv[1]);
  import(url.pathToFileURL(process.argv[1]).href).catch((error) => {
    process.stderr.write(`${error && error.stack ? error.stack : error}\n`);
    process.exit(1);
  });
}
