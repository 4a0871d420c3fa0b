// Google's official @google/genai package against a running server, with a key and in Vertex form.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { ApiError, FinishReason, GenerateVideosOperation, GoogleGenAI } from "@google/genai";
import {
  API_KEY,
  CHAT_KEY,
  ROOT_URL,
  SUITE,
  WRONG_KEY,
  asked,
  collected,
  fromBase64,
  pictureBytes,
  sleep,
  typeOf,
} from "./lib.mjs";

const clientOf = ({ apiKey = API_KEY, base = "/sora", vertexai = false, apiVersion } = {}) =>
  new GoogleGenAI({ apiKey, vertexai, apiVersion, httpOptions: { baseUrl: ROOT_URL + base } });
const client = clientOf();
const modes = { "with a key": client, "in Vertex form": clientOf({ vertexai: true }) };
const inlineData = { mimeType: "image/jpeg", data: pictureBytes.toString("base64") };

const pictures = (answer) =>
  answer.candidates[0].content.parts
    .filter((part) => part.inlineData)
    .map((part) => {
      assert.equal(typeOf(fromBase64(part.inlineData.data)), part.inlineData.mimeType);
      return part.inlineData;
    });

async function finished(genai, operation) {
  let now = operation;
  while (!now.done) {
    await sleep(200);
    now = await genai.operations.getVideosOperation({ operation: now });
  }
  return now;
}

async function downloaded(file) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "genai-"));
  const downloadPath = path.join(folder, "video.mp4");
  try {
    await client.files.download({ file, downloadPath });
    for (let attempt = 0; attempt < 50 && !fs.statSync(downloadPath, { throwIfNoEntry: false })?.size; attempt += 1) {
      await sleep(100); // some releases return before the file is written
    }
    return fs.readFileSync(downloadPath);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

async function errorOf(call, code, status) {
  const error = await call.then(
    (value) => assert.fail(`no error, but ${JSON.stringify(value)?.slice(0, 300)}`),
    (reason) => reason,
  );
  assert.ok(error instanceof ApiError, `${error?.constructor?.name}: ${error}`);
  assert.equal(error.status, code);
  const body = JSON.parse(error.message).error;
  assert.deepEqual([body.code, body.status], [code, status]);
  assert.ok(body.message);
  return body;
}

describe("generateContent", SUITE, () => {
  for (const base of ["/sora", "/sora/", "", "/"]) {
    for (const apiVersion of [undefined, "v1"]) {
      test(`base URL ${base || "without a path"}, version ${apiVersion ?? "as it is"}`, async () => {
        const { totalTokens } = await clientOf({ base, apiVersion }).models.countTokens({
          model: "sora_image",
          contents: "画小猫",
        });
        assert.ok(totalTokens > 0);
      });
    }
  }

  for (const [mode, genai] of Object.entries(modes)) {
    test(`an image, ${mode}`, async () => {
      const answer = await genai.models.generateContent({
        model: "sora_image",
        contents: "画小猫",
        config: { responseModalities: ["IMAGE"], imageConfig: { aspectRatio: "3:2" }, systemInstruction: "You draw." },
      });
      assert.equal(pictures(answer).length, 1);
      assert.equal(answer.candidates[0].finishReason, FinishReason.STOP);
      assert.equal(answer.modelVersion, "sora_image");
      assert.ok(answer.usageMetadata.totalTokenCount > 0 && answer.responseId);
    });

    test(`an image from a picture, as a stream, ${mode}`, async () => {
      const prompt = `Google's picture ${mode}`;
      const stream = await genai.models.generateContentStream({
        model: "sora_image",
        contents: [{ role: "user", parts: [{ text: prompt }, { inlineData }] }],
      });
      const pieces = await collected(stream);
      const parts = pieces.flatMap((piece) => piece.candidates?.[0].content?.parts ?? []);
      assert.ok(parts.some((part) => part.thought && part.text), "progress as thoughts");
      assert.equal(pictures(pieces.at(-1)).length, 1);
      assert.equal(pieces.at(-1).candidates[0].finishReason, FinishReason.STOP);
      assert.equal((await asked(prompt))[0].body.inpaint_items.length, 1);
    });
  }

  test("a video, with a link and a file", async () => {
    const answer = await client.models.generateContent({ model: "sora_video2-landscape", contents: "x" });
    assert.match(answer.text, /http/);
    const { fileData } = answer.candidates[0].content.parts.find((part) => part.fileData);
    assert.equal(fileData.mimeType, "video/mp4");
    assert.equal(typeOf(await downloaded(fileData.fileUri)), "video/mp4");
  });

  test("a conversation", async () => {
    const chat = client.chats.create({ model: "sora_image" });
    for (const message of ["first", "second"]) {
      assert.equal(pictures(await chat.sendMessage({ message })).length, 1);
    }
  });
});

describe("videos", SUITE, () => {
  test("generateVideos, operation, download, with a key", async () => {
    const prompt = "a video of Google's";
    const operation = await client.models.generateVideos({
      model: "sora_video2",
      source: { prompt, image: { imageBytes: inlineData.data, mimeType: "image/jpeg" } },
      config: { durationSeconds: 15, aspectRatio: "16:9", numberOfVideos: 2 },
    });
    assert.match(operation.name, /^models\/sora_video2\/operations\//);
    const { error, response } = await finished(client, operation);
    assert.equal(error, undefined);
    assert.equal(response.generatedVideos.length, 2);
    for (const made of response.generatedVideos) assert.equal(typeOf(await downloaded(made)), "video/mp4");
    const [task] = await asked(prompt);
    assert.deepEqual([task.body.orientation, task.body.inpaint_items.length], ["landscape", 1]);
  });

  test("generateVideos in Vertex form gives the bytes", async () => {
    const genai = modes["in Vertex form"];
    const operation = await genai.models.generateVideos({ model: "sora-2", prompt: "x", config: { durationSeconds: 8 } });
    const { response } = await finished(genai, operation);
    const { video } = response.generatedVideos[0];
    assert.equal(video.mimeType, "video/mp4");
    assert.equal(typeOf(fromBase64(video.videoBytes)), "video/mp4");
  });

  for (const [mode, genai] of Object.entries(modes)) {
    test(`a failed job is an answer, ${mode}`, async () => {
      const operation = await genai.models.generateVideos({ model: "sora-2", prompt: "[violation] x" });
      const last = await finished(genai, operation);
      assert.equal(last.response, undefined);
      assert.equal(typeof last.error.code, "number");
      assert.ok(last.error.message);
    });
  }

  test("an unknown operation", async () => {
    const operation = new GenerateVideosOperation();
    operation.name = "models/sora_video2/operations/video_unknown";
    await errorOf(client.operations.getVideosOperation({ operation }), 404, "NOT_FOUND");
  });

  test("generateImages in Vertex form", async () => {
    const { generatedImages } = await modes["in Vertex form"].models.generateImages({
      model: "sora_image",
      prompt: "x",
      config: { numberOfImages: 2, outputMimeType: "image/jpeg" },
    });
    assert.deepEqual(
      generatedImages.map(({ image }) => [image.mimeType, typeOf(fromBase64(image.imageBytes))]),
      Array(2).fill(["image/jpeg", "image/jpeg"]),
    );
  });
});

describe("models", SUITE, () => {
  test("page by page, and one", async () => {
    const names = (await collected(await client.models.list({ config: { pageSize: 7 } }))).map((model) => model.name);
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.includes("models/sora_video2"));
    const model = await client.models.get({ model: "sora_video2-15s" });
    assert.equal(model.name, "models/sora_video2-15s");
    assert.ok(model.supportedActions.includes("predictLongRunning"));
  });
});

describe("errors", SUITE, () => {
  const ask = (contents, rest) => ({ model: "sora_image", contents, ...rest });

  test("401, 403, 404", async () => {
    for (const vertexai of [false, true]) {
      const wrong = clientOf({ apiKey: WRONG_KEY, vertexai });
      await errorOf(wrong.models.generateContent(ask("x")), 401, "UNAUTHENTICATED");
      const poor = clientOf({ apiKey: CHAT_KEY, vertexai });
      await errorOf(poor.models.generateContent(ask("x")), 403, "PERMISSION_DENIED");
    }
    await errorOf(client.models.generateContent(ask("x", { model: "gemini-3.8-flash" })), 404, "NOT_FOUND");
    await errorOf(client.models.get({ model: "gemini-3.8-flash" }), 404, "NOT_FOUND");
  });

  test("400", async () => {
    const broken = { inlineData: { mimeType: "image/png", data: "bm8=" } };
    const refused = [
      ask("x", { config: { imageConfig: { aspectRatio: "16:9" } } }),
      ask([{ role: "user", parts: [{ text: "x" }, broken] }]),
      ask("[violation] x"),
    ];
    for (const body of refused) {
      await errorOf(client.models.generateContent(body), 400, "INVALID_ARGUMENT");
    }
    await assert.rejects(
      collected(await client.models.generateContentStream(ask("[violation] x"))),
      (error) => error instanceof ApiError && error.status === 400,
    );
    const config = { durationSeconds: 7 };
    await errorOf(client.models.generateVideos({ model: "sora_video2", prompt: "x", config }), 400, "INVALID_ARGUMENT");
  });
});
