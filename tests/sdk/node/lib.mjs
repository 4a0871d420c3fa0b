// What the suites share: where the server is, a picture, and what the files it makes look like.
import assert from "node:assert/strict";
import fs from "node:fs";

const { ROOT_URL, API_KEY, CHAT_KEY, PICTURE, SIMULATOR_URL } = process.env;
for (const [name, value] of Object.entries({ ROOT_URL, API_KEY, CHAT_KEY, PICTURE, SIMULATOR_URL })) {
  if (!value) throw new Error(`${name} is not set; run this suite with pytest tests/sdk/test_node.py -m slow`);
}

export { API_KEY, CHAT_KEY, PICTURE, ROOT_URL };
export const WRONG_KEY = "sg-wrong";
export const pictureBytes = fs.readFileSync(PICTURE);
export const pictureUrl = `data:image/jpeg;base64,${pictureBytes.toString("base64")}`;

// Checks of one suite run side by side: most of their time is the backend's.
export const SUITE = { concurrency: 8, timeout: 30_000 };

const BEGINNINGS = {
  "image/png": (bytes) => bytes.subarray(1, 4).toString() === "PNG",
  "image/jpeg": (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8,
  "image/webp": (bytes) => bytes.subarray(8, 12).toString() === "WEBP",
  "video/mp4": (bytes) => bytes.subarray(4, 8).toString() === "ftyp",
};

export function typeOf(bytes) {
  const buffer = Buffer.from(bytes);
  const found = Object.entries(BEGINNINGS).find(([, matches]) => matches(buffer));
  return found ? found[0] : `unknown: ${buffer.subarray(0, 40).toString()}`;
}

export const fromBase64 = (text) => {
  assert.match(text, /^[A-Za-z0-9+/]+=*$/, "bare base64");
  return Buffer.from(text, "base64");
};

export async function opens(url, mediaType) {
  const answer = await fetch(url); // without a key: chat pages embed these links
  assert.equal(answer.status, 200, url);
  assert.equal(answer.headers.get("content-type"), mediaType);
  assert.equal(typeOf(await answer.arrayBuffer()), mediaType);
}

export function linkIn(text) {
  const found = /(?:!\[image\]\(|<video src="|\[Download video\]\()(http[^)"]+)/.exec(text);
  assert.ok(found, `no link in ${JSON.stringify(text)}`);
  return found[1];
}

export async function collected(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What the simulated backend was asked for, under a prompt of the check's own.
export async function asked(prompt) {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    const { items } = await (await fetch(`${SIMULATOR_URL}/simulator/ledger`)).json();
    const found = items.filter((item) => item.prompt === prompt);
    if (found.length > 0) return found;
    await sleep(100);
  }
  throw new Error(`the backend was never asked for ${prompt}`);
}
