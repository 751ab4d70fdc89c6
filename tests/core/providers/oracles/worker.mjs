// Answers what the npm packages of senders say. As worker.py: one question a line on stdin, its answer on stdout.
// The test runs this text in tests/node, where the packages are.
import https from "node:https";
import { Readable } from "node:stream";
import { createInterface } from "node:readline";
import "@shopify/shopify-api/adapters/node";
import { verifyWebhook } from "@clerk/backend/webhooks";
import * as contentful from "@contentful/node-apps-toolkit";
import { LinearWebhookClient } from "@linear/sdk/webhooks";
import Mux from "@mux/mux-node";
import { signWebhookPayload, verifyWebhookSignature } from "@notionhq/client";
import * as octokit from "@octokit/webhooks-methods";
import * as sanity from "@sanity/webhook";
import { shopifyApi } from "@shopify/shopify-api";
import { AwsLambdaReceiver } from "@zoom/rivet/meetings";
import atlassian from "atlassian-jwt";
import SnsValidator from "sns-validator";
import { Webhook } from "svix";
import webflow from "webflow-api";

const now = () => Math.floor(Date.now() / 1000);
const mux = new Mux({ tokenId: "id-1", tokenSecret: "secret-1" });

const contentfulRequest = ({ method, url, headers, text }) => {
  const { pathname, search } = new URL(url);
  return { method, path: pathname + search, headers, body: text };
};

const atlassianRequest = ({ method, url }) => {
  const { pathname, search } = new URL(url);
  return atlassian.fromMethodAndUrl(method, pathname + search);
};

const shopify = (secret) =>
  shopifyApi({
    apiKey: "key-1",
    apiSecretKey: secret,
    apiVersion: "2026-01",
    hostName: "hooks.example.com",
    isEmbeddedApp: true,
    logger: { log: () => {} },
  });

/** sns-validator fetches the certificate; it gets the public key of the question in its place. */
function withCertificate(pem, call) {
  const fetch = https.get;
  https.get = (_url, then) => (then(Object.assign(Readable.from([pem]), { statusCode: 200 })), { on: () => {} });
  return call().finally(() => (https.get = fetch));
}

// Each throws, or gives false, for what it refuses.
const verifiers = {
  "@clerk/backend": ({ secret, url, method, headers, text }) =>
    verifyWebhook(new Request(url, { method, headers, body: text }), { signingSecret: secret }),
  "@contentful/node-apps-toolkit": (m) => contentful.verifyRequest(m.secret, contentfulRequest(m)),
  "@linear/sdk": ({ secret, headers, text }) =>
    new LinearWebhookClient(secret).verify(
      Buffer.from(text),
      headers["linear-signature"],
      JSON.parse(text).webhookTimestamp,
    ),
  "@mux/mux-node": ({ secret, headers, text }) => mux.webhooks.verifySignature(text, headers, secret),
  "@notionhq/client": ({ secret, headers, text }) =>
    verifyWebhookSignature({ body: text, signature: headers["x-notion-signature"], verificationToken: secret }),
  "@octokit/webhooks-methods": ({ secret, headers, text }) =>
    octokit.verify(secret, text, headers["x-hub-signature-256"]),
  "@sanity/webhook": ({ secret, headers, text }) =>
    sanity.assertValidSignature(text, headers["sanity-webhook-signature"], secret),
  "@shopify/shopify-api": async ({ secret, url, method, headers, text }) => {
    const rawRequest = Object.assign(Readable.from([text]), { url, method, headers });
    const { valid } = await shopify(secret).webhooks.validate({ rawBody: text, rawRequest, rawResponse: {} });
    return valid;
  },
  "@zoom/rivet": async ({ secret, headers, text }) => {
    const receive = new AwsLambdaReceiver({ webhooksSecretToken: secret }).start();
    return (await receive({ body: text, headers, isBase64Encoded: false }, {})).statusCode === 200;
  },
  "atlassian-jwt": (m) => {
    const token = m.headers.authorization.replace(/^JWT /, "");
    const { qsh } = atlassian.decodeSymmetric(token, m.secret, atlassian.SymmetricAlgorithm.HS256);
    return qsh === atlassian.createQueryStringHash(atlassianRequest(m));
  },
  "sns-validator": ({ secret, text }) =>
    withCertificate(
      secret,
      () =>
        new Promise((resolve, reject) =>
          new SnsValidator().validate(text, (error) => (error ? reject(error) : resolve(true))),
        ),
    ),
  svix: ({ secret, headers, text }) => void new Webhook(secret).verify(text, headers),
  "webflow-api": ({ secret, headers, text }) =>
    new webflow.WebflowClient({ accessToken: "token-1" }).webhooks.verifySignature({ headers, body: text, secret }),
};

// Each gives the headers of the proof.
const signers = {
  "@contentful/node-apps-toolkit": (m) => contentful.signRequest(m.secret, contentfulRequest(m)),
  "@mux/mux-node": async ({ secret, text }) => {
    const at = now();
    return { "mux-signature": `t=${at},v1=${await mux.webhooks.computeSignature(`${at}.${text}`, secret)}` };
  },
  "@notionhq/client": async ({ secret, text }) => ({
    "x-notion-signature": await signWebhookPayload({ body: text, verificationToken: secret }),
  }),
  "@octokit/webhooks-methods": async ({ secret, text }) => ({
    "x-hub-signature-256": await octokit.sign(secret, text),
  }),
  "@sanity/webhook": async ({ secret, text }) => ({
    "sanity-webhook-signature": await sanity.encodeSignatureHeader(text, Date.now(), secret),
  }),
  "atlassian-jwt": (m) => {
    const claims = { iss: "key-1", iat: now(), exp: now() + 180 };
    claims.qsh = atlassian.createQueryStringHash(atlassianRequest(m));
    return { authorization: `JWT ${atlassian.encodeSymmetric(claims, m.secret)}` };
  },
  svix: ({ secret, text }) => {
    const at = new Date();
    return {
      "svix-id": "msg_1",
      "svix-timestamp": String(Math.floor(at / 1000)),
      "svix-signature": new Webhook(secret).sign("msg_1", at, text),
    };
  },
};

async function answer(question) {
  const message = { ...question, text: Buffer.from(question.body, "base64").toString() };
  if (question.do === "sign") return { headers: await signers[question.sdk](message) };
  const verify = verifiers[question.sdk];
  if (!verify) throw new Error(`there is no ${question.sdk}`);
  try {
    return { accepted: (await verify(message)) !== false, why: "" };
  } catch (refusal) {
    if (refusal instanceof TypeError || refusal instanceof ReferenceError) throw refusal; // asked wrongly: no verdict
    return { accepted: false, why: String(refusal) };
  }
}

console.log = console.info = console.debug = console.error; // some packages print
for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line)).catch((error) => ({ error: String(error) }));
  process.stdout.write(JSON.stringify(result) + "\n");
}
