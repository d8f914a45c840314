// SPDX-License-Identifier: Apache-2.0
// A stand-in for a classifier of your own: answers the gateway's question with a score. Put a model in the place of `judge`.
//   node examples/classifier/server.mjs 4010      and in sepal.json: "scan": { "classifier": { "url": "http://127.0.0.1:4010/" } }
import { createServer } from 'node:http';

/** From 0 (nothing) to 1 (surely an order to the model). This one only counts words, to have something to show. */
function judge(value) {
  const text = JSON.stringify(value).toLowerCase();
  const words = ['task', 'instead', 'new goal', 'from now on', 'your real'];
  return Math.min(1, words.filter((word) => text.includes(word)).length * 0.4);
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    // { "version": 1, "detector": "injection", "value": <what is scanned: a text, or JSON> }
    const { value } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ score: judge(value) }));
  });
});
server.listen(Number(process.argv[2] ?? 4010), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
