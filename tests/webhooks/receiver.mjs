// Takes calls of a webhook, checks each with the library of Standard Webhooks, and writes a line of JSON about it. The clock of a
// story stands still, so the library is shown a time that does too: NOW in seconds.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

const [secret, now, failures] = process.argv.slice(2);
const webhook = new Webhook(secret);
Date.now = () => Number(now) * 1000;
let left = Number(failures);

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    let payload = null;
    let problem = null;
    try {
      payload = webhook.verify(body, request.headers);
    } catch (error) {
      problem = String(error);
    }
    const fails = left-- > 0;
    response.writeHead(problem ? 401 : fails ? 503 : 204).end();
    console.log(JSON.stringify({ id: request.headers["webhook-id"], payload, problem }));
  });
});

server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
// It ends with the test that started it.
createInterface({ input: process.stdin }).on("close", () => process.exit());
