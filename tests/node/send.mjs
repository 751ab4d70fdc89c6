// The story of a product that sends webhooks, told with the official JavaScript SDK to the server at
// HOOKLINE_URL. What it saw is printed as JSON; whatever goes wrong ends it with an error.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { ApiException, messageInRaw, Svix, Webhook, WebhookVerificationError } from "svix";

const PATIENCE_MS = 10_000;

/** A real HTTP server that keeps what it gets, and hands it out in order. */
async function receiver() {
  const waiting = [];
  const kept = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const received = { headers: request.headers, body: Buffer.concat(chunks).toString("utf8") };
    response.end("thank you");
    waiting.length ? waiting.shift()(received) : kept.push(received);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const next = () =>
    new Promise((resolve, reject) => {
      if (kept.length) return resolve(kept.shift());
      const late = setTimeout(() => reject(new Error("no webhook came")), PATIENCE_MS);
      waiting.push((received) => (clearTimeout(late), resolve(received)));
    });
  const close = () => (server.closeAllConnections(), server.close());
  return { url: `http://127.0.0.1:${server.address().port}/hooks`, next, close };
}

/** The error that a call is refused with. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ApiException, String(error));
    return { status: error.code, body: error.body };
  }
  throw new Error("it was not refused");
}

/** The first answer that has something in it. */
async function eventually(ask) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const { data } = await ask();
    if (data.length) return data;
    assert.ok(Date.now() < end, "nothing is listed");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const shop = await receiver();
try {
  const svix = new Svix(process.env.HOOKLINE_TOKEN, { serverUrl: process.env.HOOKLINE_URL });

  const app = await svix.application.create({ name: "Shop", uid: "shop", metadata: { plan: "large" } });
  assert.equal((await svix.application.getOrCreate({ name: "Another", uid: "shop" })).id, app.id);
  assert.equal((await svix.application.patch("shop", { name: "Bazaar", uid: "shop" })).name, "Bazaar");
  await svix.eventType.create({ name: "order.paid", description: "An order was paid" });
  const endpoint = await svix.endpoint.create(app.id, { url: shop.url, uid: "hooks", eventTypes: ["order.paid"] });
  assert.ok(endpoint.createdAt instanceof Date);

  const { key } = await svix.endpoint.getSecret("shop", "hooks");
  const message = await svix.message.create("shop", {
    eventType: "order.paid",
    eventId: "e-1",
    payload: { order: 7, town: "Łódź" },
  });
  const received = await shop.next();
  const webhook = new Webhook(key);
  webhook.verify(received.body, received.headers);
  assert.deepEqual(JSON.parse(received.body), { order: 7, town: "Łódź" });
  assert.equal(received.headers["svix-id"], message.id);
  for (const [body, headers] of [
    [received.body.replace("7", "8"), received.headers],
    [received.body, { ...received.headers, "svix-id": "msg_other" }],
  ]) {
    assert.throws(() => webhook.verify(body, headers), WebhookVerificationError);
  }

  await svix.message.create("shop", messageInRaw("order.paid", "<order/>", "application/xml"));
  const raw = await shop.next();
  assert.deepEqual([raw.body, raw.headers["content-type"]], ["<order/>", "application/xml"]);

  await svix.endpoint.rotateSecret("shop", "hooks", {});
  assert.notEqual((await svix.endpoint.getSecret("shop", "hooks")).key, key);

  const attempts = await eventually(() => svix.messageAttempt.listByMsg("shop", "e-1", { withContent: true }));
  const conflict = await refused(svix.application.create({ name: "Shop", uid: "shop" }));
  const missing = await refused(svix.message.get("shop", "missing"));
  const wrong = await refused(svix.application.create({ name: "" }));
  await svix.endpoint.delete("shop", "hooks");
  await svix.health.get();

  console.log(
    JSON.stringify({
      message: message.id,
      endpoint: endpoint.id,
      attempts: attempts.map(({ msgId, endpointId, status, statusText, responseStatusCode, response }) => ({
        msgId,
        endpointId,
        status,
        statusText,
        responseStatusCode,
        response,
      })),
      refusals: { conflict, missing, wrong },
    }),
  );
} finally {
  shop.close();
}
