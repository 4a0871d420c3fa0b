// The official @anthropic-ai/sdk package against a running server.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { API_KEY, CHAT_KEY, ROOT_URL, SUITE, WRONG_KEY, asked, collected, linkIn, opens, pictureBytes } from "./lib.mjs";

const clientOf = (apiKey = API_KEY, base = "/sora") =>
  new Anthropic({ apiKey, baseURL: ROOT_URL + base, maxRetries: 0, timeout: 25_000 });
const client = clientOf();

const ask = (content, rest = {}) => ({
  model: "sora_image",
  max_tokens: 1024,
  messages: [{ role: "user", content }],
  ...rest,
});

async function errorOf(call, expected, type) {
  const error = await call.then(
    (value) => assert.fail(`no error, but ${JSON.stringify(value)?.slice(0, 300)}`),
    (reason) => reason,
  );
  assert.ok(error instanceof expected, `${error?.constructor?.name}: ${error}`);
  assert.deepEqual([error.error.type, error.type, error.error.error.type], ["error", type, type]);
  assert.ok(error.requestID, "request-id");
  assert.equal(error.error.request_id, error.requestID);
  return error;
}

describe("messages", SUITE, () => {
  for (const base of ["/sora", "/sora/", "", "/"]) {
    test(`base URL ${base || "without a path"}`, async () => {
      assert.ok((await clientOf(API_KEY, base).messages.countTokens(ask("x"))).input_tokens > 0);
    });
  }

  test("an image", async () => {
    const message = await client.messages.create(ask("画小猫", { system: "You draw.", temperature: 0.5 }));
    assert.match(message.id, /^msg_/);
    assert.deepEqual(
      [message.type, message.role, message.model, message.stop_reason, message.stop_sequence],
      ["message", "assistant", "sora_image", "end_turn", null],
    );
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
    assert.ok(message._request_id);
    const [block] = message.content;
    assert.deepEqual([message.content.length, block.type], [1, "text"]);
    await opens(linkIn(block.text), "image/png");
  });

  test("a video from a picture, as a stream", async () => {
    const prompt = "now with Anthropic's picture";
    const source = { type: "base64", media_type: "image/jpeg", data: pictureBytes.toString("base64") };
    const content = [{ type: "image", source }, { type: "text", text: prompt }];
    const stream = client.messages.stream(ask(content, { model: "sora_video2" }));
    const events = await collected(stream);
    const types = events.map((event) => event.type).filter((type) => type !== "ping");
    assert.deepEqual(types.slice(0, 2), ["message_start", "content_block_start"]);
    assert.deepEqual(types.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
    assert.deepEqual([...new Set(types.slice(2, -3))], ["content_block_delta"]);
    const message = await stream.finalMessage();
    assert.equal(message.stop_reason, "end_turn");
    assert.ok(message.usage.output_tokens > 0);
    assert.match(await stream.finalText(), /In progress/);
    await opens(linkIn(await stream.finalText()), "video/mp4");
    assert.equal((await asked(prompt))[0].body.inpaint_items.length, 1);
  });

  test("raw events", async () => {
    const events = await collected(await client.messages.create(ask("x", { stream: true })));
    assert.deepEqual([events[0].message.content, events[0].message.stop_reason], [[], null]);
    assert.equal(events.at(-1).type, "message_stop");
  });

  test("a picture by its link, then a conversation about it", async () => {
    const first = await client.messages.create(ask("x"));
    const [{ text }] = first.content;
    const source = { type: "url", url: linkIn(text) };
    const content = [{ type: "text", text: "the same at night" }, { type: "image", source }];
    const messages = [
      { role: "user", content: "x" },
      { role: "assistant", content: first.content },
      { role: "user", content },
    ];
    const answer = await client.messages.create(ask("", { messages }));
    await opens(linkIn(answer.content[0].text), "image/png");
    assert.equal((await asked("the same at night"))[0].body.inpaint_items.length, 1);
  });

  test("a stream that fails late", async () => {
    const stream = await client.messages.create(ask("[violation] x", { stream: true }));
    await assert.rejects(collected(stream), (error) => {
      assert.ok(error instanceof Anthropic.APIError, `${error}`);
      assert.equal(error.error.error.type, "invalid_request_error");
      return true;
    });
  });

  test("count tokens", async () => {
    const { input_tokens: counted } = await client.messages.countTokens(ask("画小猫"));
    const { usage } = await client.messages.create(ask("画小猫"));
    assert.equal(counted, usage.input_tokens);
  });

  test("the beta client", async () => {
    const betas = ["files-api-2025-04-14"];
    assert.ok((await client.beta.messages.countTokens({ ...ask("x"), betas })).input_tokens > 0);
    assert.equal((await client.beta.messages.create({ ...ask("x"), betas })).stop_reason, "end_turn");
  });
});

describe("models", SUITE, () => {
  test("page by page, and one", async () => {
    const all = (await collected(client.models.list({ limit: 1000 }))).map((model) => model.id);
    const paged = (await collected(client.models.list({ limit: 7 }))).map((model) => model.id);
    assert.deepEqual(paged, all);
    assert.ok(all.includes("sora_video2"));
    const page = await client.models.list({ limit: 2, after_id: all[1] });
    assert.deepEqual(page.data.map((model) => model.id), all.slice(2, 4));
    const before = await client.models.list({ limit: 2, before_id: all[3] });
    assert.deepEqual(before.data.map((model) => model.id), all.slice(1, 3));
    const model = await client.models.retrieve("sora_video2|[free,plus]");
    assert.deepEqual([model.type, model.id], ["model", "sora_video2|[free,plus]"]);
    assert.ok(!Number.isNaN(Date.parse(model.created_at)));
  });
});

describe("error classes", SUITE, () => {
  test("401, 403, 404", async () => {
    const wrong = clientOf(WRONG_KEY);
    await errorOf(wrong.models.list(), Anthropic.AuthenticationError, "authentication_error");
    await errorOf(wrong.messages.create(ask("x")), Anthropic.AuthenticationError, "authentication_error");
    await errorOf(
      clientOf(CHAT_KEY).messages.create(ask("x")),
      Anthropic.PermissionDeniedError,
      "permission_error",
    );
    await errorOf(client.models.retrieve("org/model"), Anthropic.NotFoundError, "not_found_error");
    await errorOf(client.messages.batches.list(), Anthropic.NotFoundError, "not_found_error");
  });

  test("400", async () => {
    const refused = [
      ask("x", { model: "claude-opus-4-5" }),
      ask("x", { seconds: 7, model: "sora_video2" }),
      ask("x", { messages: [] }),
      ask([]),
      ask(""),
      ask([{ type: "image", source: { type: "base64", media_type: "image/png", data: "bm8=" } }, { type: "text", text: "x" }]),
      ask([{ type: "image", source: { type: "file", file_id: "file_unknown" } }, { type: "text", text: "x" }]),
      ask("[violation] x"),
    ];
    for (const body of refused) {
      await errorOf(client.messages.create(body), Anthropic.BadRequestError, "invalid_request_error");
    }
  });
});
