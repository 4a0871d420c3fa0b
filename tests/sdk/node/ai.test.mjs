// The Vercel AI SDK, through its providers for OpenAI, for compatible servers and for Google.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  RetryError,
  experimental_generateVideo as generateVideo,
  generateImage,
  generateText,
  streamText,
} from "ai";
import { API_KEY, CHAT_KEY, ROOT_URL, SUITE, WRONG_KEY, asked, collected, linkIn, opens, pictureBytes, typeOf } from "./lib.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const baseURL = `${ROOT_URL}/sora/v1`;
const openaiOf = (apiKey) => createOpenAI({ apiKey, baseURL });
const openai = openaiOf(API_KEY);
const compatible = createOpenAICompatible({ name: "sora", apiKey: API_KEY, baseURL, includeUsage: true });
const googleOf = (base) => createGoogleGenerativeAI({ apiKey: API_KEY, baseURL: ROOT_URL + base });
const google = googleOf("/sora/v1beta");
const once = { maxRetries: 0 };
const chatModels = { "openai.chat": openai.chat, "openai-compatible": (id) => compatible(id) };

// The SDK refuses to download from loopback by itself.
async function download({ url }) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, `${url}`);
  return { data: new Uint8Array(await answer.arrayBuffer()), mediaType: answer.headers.get("content-type") };
}

const user = (text) => [{ role: "user", content: [{ type: "text", text }, { type: "image", image: pictureBytes }] }];

describe("images", SUITE, () => {
  const models = { openai: openai.image, "openai-compatible": compatible.imageModel };

  for (const [name, model] of Object.entries(models)) {
    test(`generateImage with ${name}`, async () => {
      const { images } = await generateImage({ ...once, model: model("sora_image"), prompt: "x", size: "1536x1024", n: 2 });
      assert.equal(images.length, 2);
      for (const image of images) assert.equal(typeOf(image.uint8Array), image.mediaType);
    });

    for (const count of [1, 2]) {
      test(`an edit of ${count} with ${name}`, async () => {
        const text = `edit of ${count} by ${name}`;
        const pictures = Array(count).fill(pictureBytes);
        const { image } = await generateImage({ ...once, model: model("sora_image"), prompt: { text, images: pictures } });
        assert.equal(typeOf(image.uint8Array), image.mediaType);
        assert.equal((await asked(text))[0].body.inpaint_items.length, count);
      });
    }
  }
});

describe("text over chat", SUITE, () => {
  for (const [name, model] of Object.entries(chatModels)) {
    test(`generateText with ${name}`, async () => {
      const { text, finishReason, usage } = await generateText({ ...once, model: model("sora_image"), prompt: "x" });
      assert.equal(finishReason, "stop");
      assert.ok(usage.totalTokens > 0);
      await opens(linkIn(text), "image/png");
    });

    test(`streamText with a picture, with ${name}`, async () => {
      const prompt = `moved by ${name}`;
      const result = streamText({ ...once, model: model("sora_video2"), messages: user(prompt) });
      assert.deepEqual((await collected(result.fullStream)).filter((part) => part.type === "error"), []);
      await opens(linkIn(await result.text), "video/mp4");
      assert.equal(await result.finishReason, "stop");
      assert.ok((await result.usage).totalTokens > 0);
      assert.equal((await asked(prompt))[0].body.inpaint_items.length, 1);
      if (name === "openai-compatible") assert.match(await result.reasoningText, /In progress/);
    });
  }
});

describe("responses", SUITE, () => {
  test("generateText with the default model of openai", async () => {
    const { staticToolResults, toolResults, text, usage } = await generateText({
      ...once,
      model: openai("sora_image"),
      prompt: "x",
      tools: { image_generation: openai.tools.imageGeneration({ outputFormat: "webp" }) },
    });
    const [made] = toolResults ?? staticToolResults;
    assert.equal(typeOf(Buffer.from(made.output.result, "base64")), "image/webp", text);
    assert.ok(usage.totalTokens > 0);
  });

  test("streamText of a video", async () => {
    const result = streamText({ ...once, model: openai("sora_video2"), messages: user("x") });
    const parts = await collected(result.fullStream);
    assert.deepEqual(parts.filter((part) => part.type === "error"), []);
    await opens(linkIn(await result.text), "video/mp4");
    assert.equal(await result.finishReason, "stop");
  });

  test("a stream that fails late", async () => {
    const result = streamText({ ...once, model: openai("sora_image"), prompt: "[violation] x", onError: () => {} });
    const parts = await collected(result.fullStream);
    assert.ok(parts.some((part) => part.type === "error" || part.finishReason === "error"));
  });
});

describe("Google", SUITE, () => {
  test("generateText gives a picture as a file", async () => {
    const { files, finishReason } = await generateText({ ...once, model: google("sora_image"), messages: user("x") });
    assert.equal(finishReason, "stop");
    assert.deepEqual(files.map((file) => file.mediaType === typeOf(file.uint8Array)), [true]);
  });

  test("streamText tells the progress as reasoning", async () => {
    const result = streamText({ ...once, model: google("sora_image"), prompt: "x" });
    const parts = await collected(result.fullStream);
    assert.deepEqual(parts.filter((part) => part.type === "error"), []);
    assert.ok(await result.reasoningText);
    assert.equal((await result.files).length, 1);
  });

  for (const base of ["/sora/v1beta", "/v1beta"]) {
    test(`generateVideo below ${base}`, async () => {
      const text = `a video below ${base}`;
      const { videos } = await generateVideo({
        ...once,
        download,
        model: googleOf(base).video("sora_video2"),
        prompt: { text, image: pictureBytes },
        aspectRatio: "16:9",
        duration: 15,
        n: 2,
        providerOptions: { google: { pollIntervalMs: 200 } },
      });
      assert.deepEqual(
        videos.map((video) => [video.mediaType, typeOf(video.uint8Array)]),
        Array(2).fill(["video/mp4", "video/mp4"]),
      );
      const [task] = await asked(text);
      assert.deepEqual([task.body.orientation, task.body.n_frames, task.body.inpaint_items.length], ["landscape", 450, 1]);
    });
  }

  test("generateVideo of a job that fails", async () => {
    const providerOptions = { google: { pollIntervalMs: 200 } };
    const model = google.video("sora_video2");
    await assert.rejects(generateVideo({ ...once, download, model, prompt: "[violation] x", providerOptions }), (error) => {
      assert.match(error.message, /failed/i);
      return true;
    });
  });
});

describe("errors", SUITE, () => {
  async function errorOf(call, status, text) {
    const error = await call.then(() => assert.fail("no error"), (reason) => reason);
    assert.ok(APICallError.isInstance(error), `${error?.constructor?.name}: ${error}`);
    assert.deepEqual([error.statusCode, error.isRetryable], [status, false]);
    assert.match(error.message, text);
  }

  test("each message is the server's own", async () => {
    const bad = { ...once, model: compatible.imageModel("sora_image"), prompt: "x", n: 1 };
    await errorOf(generateImage({ ...bad, model: openaiOf(WRONG_KEY).image("sora_image") }), 401, /Incorrect API key provided/);
    await errorOf(generateImage({ ...bad, model: openaiOf(CHAT_KEY).image("sora_image") }), 403, /images/);
    await errorOf(generateImage({ ...bad, model: compatible.imageModel("no-such-model") }), 400, /no-such-model/);
    await errorOf(generateImage({ ...bad, prompt: "[violation] x" }), 400, /refused/);
    await errorOf(generateText({ ...once, model: openai.chat("no-such-model"), prompt: "x" }), 400, /no-such-model/);
    await errorOf(generateText({ ...once, model: google("gemini-3.8-flash"), prompt: "x" }), 404, /gemini-3.8-flash/);
  });

  test("what is refused for good is asked once, with retries on", async () => {
    const model = openai.chat("sora_image");
    await assert.rejects(generateText({ model, prompt: "[violation] x" }), (error) => !RetryError.isInstance(error));
  });

  test("a stream that fails late", async () => {
    for (const model of Object.values(chatModels)) {
      const seen = [];
      const result = streamText({
        ...once,
        model: model("sora_image"),
        prompt: "[violation] x",
        onError: ({ error }) => seen.push(error),
      });
      const parts = await collected(result.fullStream);
      assert.ok(parts.some((part) => part.type === "error"));
      assert.match(JSON.stringify(seen.map((error) => error.message ?? error)), /refused/);
    }
  });
});
