// The official openai package against a running server.
import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import OpenAI, { toFile } from "openai";
import {
  API_KEY,
  CHAT_KEY,
  PICTURE,
  ROOT_URL,
  SUITE,
  WRONG_KEY,
  asked,
  collected,
  fromBase64,
  linkIn,
  opens,
  pictureBytes,
  pictureUrl,
  sleep,
  typeOf,
} from "./lib.mjs";

const clientOf = (apiKey = API_KEY, base = "/sora/v1") =>
  new OpenAI({ apiKey, baseURL: ROOT_URL + base, maxRetries: 0, timeout: 25_000 });
const client = clientOf();

const VIDEO_KEYS = [
  "id", "object", "model", "status", "progress", "created_at", "completed_at", "expires_at", "prompt", "seconds",
  "size", "remixed_from_video_id", "error",
]; // prettier-ignore

async function finished(video) {
  let [now, progress] = [video, 0];
  while (["queued", "in_progress"].includes(now.status)) {
    await sleep(150);
    now = await client.videos.retrieve(video.id);
    assert.ok(now.progress >= progress, `progress went back from ${progress} to ${now.progress}`);
    progress = now.progress;
  }
  return now;
}

async function completed(video) {
  const last = await finished(video);
  assert.equal(last.status, "completed", JSON.stringify(last.error));
  return last;
}

// The error that a call ends with, checked for what every error of this dialect has.
async function errorOf(call, expected) {
  const error = await call.then(
    (value) => assert.fail(`no error, but ${JSON.stringify(value)?.slice(0, 300)}`),
    (reason) => reason,
  );
  assert.ok(error instanceof expected, `${error?.constructor?.name}: ${error}`);
  for (const key of ["message", "type", "param", "code"]) assert.ok(key in error.error, `${key} is missing`);
  assert.ok(error.requestID, "x-request-id");
  return error;
}

describe("videos", SUITE, () => {
  for (const base of ["/sora/v1", "/sora/v1/", "/v1", "/v1/"]) {
    test(`base URL ${base}`, async () => {
      const video = await clientOf(API_KEY, base).videos.create({ prompt: "x", model: "sora-2" });
      assert.equal(video.status, "queued");
    });
  }

  test("create, retrieve, download every variant", async () => {
    const { data: video, response } = await client.videos
      .create({ model: "sora-2", prompt: "画小猫", seconds: "8", size: "1280x720" })
      .withResponse();
    assert.match(response.headers.get("openai-poll-after-ms"), /^\d+$/);
    assert.ok(response.headers.get("x-request-id"));
    for (const key of VIDEO_KEYS) assert.ok(key in video, `${key} is missing`);
    assert.deepEqual(
      [video.object, video.model, video.prompt, video.size, video.error, video.remixed_from_video_id],
      ["video", "sora-2", "画小猫", "1280x720", null, null],
    );
    assert.equal(typeof video.seconds, "string");
    const early = await errorOf(client.videos.downloadContent(video.id), OpenAI.NotFoundError);
    assert.equal(early.code, "video_not_ready");

    const last = await completed(video);
    assert.equal(last.progress, 100);
    assert.ok(last.completed_at >= last.created_at && last.expires_at > last.completed_at);
    for (const [variant, mediaType] of [
      [undefined, "video/mp4"],
      ["video", "video/mp4"],
      ["thumbnail", "image/webp"],
      ["spritesheet", "image/jpeg"],
    ]) {
      const content = await client.videos.downloadContent(video.id, variant && { variant });
      const bytes = await content.arrayBuffer();
      assert.equal(typeOf(bytes), mediaType);
      assert.equal(content.headers.get("content-type"), mediaType);
      assert.equal(content.headers.get("content-length"), String(bytes.byteLength));
      assert.match(content.headers.get("content-disposition"), /^attachment; filename=/);
    }
    const bad = await errorOf(
      client.videos.downloadContent(video.id, { variant: "poster" }),
      OpenAI.BadRequestError,
    );
    assert.equal(bad.param, "variant");
    const part = await client.videos.downloadContent(video.id, {}, { headers: { Range: "bytes=4-7" } });
    assert.deepEqual([part.status, await part.text()], [206, "ftyp"]);
  });

  test("create from JSON", async () => {
    const video = await client.post("/videos", { body: { prompt: "x", seconds: 15, model: "sora_video2", hd: null } });
    assert.equal(video.seconds, "15");
  });

  test("our own fields", async () => {
    const video = await client.videos.create({ prompt: "x", model: "sora_video2", style: "anime", n: 2, private: true });
    assert.deepEqual([video.effective.style, video.effective.private, video.variants.length], ["anime", true, 2]);
  });

  const references = {
    "fs.createReadStream": () => fs.createReadStream(PICTURE),
    "toFile with a type": () => toFile(pictureBytes, "图.jpg", { type: "image/jpeg" }),
    "toFile without a type": () => toFile(pictureBytes, "picture"),
    File: () => new File([pictureBytes], "a.jpg", { type: "image/jpeg" }),
    "text field with a data URL": () => pictureUrl,
    "image_url": () => ({ image_url: pictureUrl }),
  };
  for (const [how, make] of Object.entries(references)) {
    test(`input_reference: ${how}`, async () => {
      const prompt = `reference by ${how}`;
      await client.videos.create({ prompt, input_reference: await make() });
      const [task] = await asked(prompt);
      assert.deepEqual(task.body.inpaint_items.map((item) => item.kind), ["upload"]);
    });
  }

  test("references that are none", async () => {
    const broken = [
      toFile(Buffer.from("no picture"), "a.png", { type: "image/png" }),
      Buffer.from(pictureBytes.subarray(0, 50)), // becomes fields input_reference[0], [1], ...
      { file_id: "file-unknown" },
      "file:///etc/passwd",
    ];
    for (const input_reference of broken) {
      const error = await errorOf(
        client.videos.create({ prompt: "x", input_reference: await input_reference }),
        OpenAI.BadRequestError,
      );
      assert.equal(error.param, "input_reference");
    }
  });

  test("list page by page", async () => {
    const made = [];
    for (let number = 0; number < 5; number += 1) {
      made.push((await client.videos.create({ prompt: `video ${number}` })).id);
    }
    const listed = (await collected(client.videos.list({ limit: 2, order: "asc", after: made[0] }))).map((v) => v.id);
    assert.equal(new Set(listed).size, listed.length, "each once");
    assert.deepEqual(listed.filter((id) => made.includes(id)), made.slice(1));
    const page = await client.videos.list({ limit: 3 });
    assert.deepEqual([page.data.length, page.has_more, page.last_id], [3, true, page.data[2].id]);
    assert.notEqual((await page.getNextPage()).data[0].id, page.last_id);
    assert.deepEqual((await client.videos.list({ limit: 0 })).data, []);
    assert.equal((await errorOf(client.videos.list({ limit: 101 }), OpenAI.BadRequestError)).param, "limit");
    await errorOf(client.videos.list({ after: "video_unknown" }), OpenAI.NotFoundError);
  });

  test("delete", async () => {
    const { id } = await client.videos.create({ prompt: "x" });
    assert.deepEqual(await client.videos.delete(id), { id, object: "video.deleted", deleted: true });
    for (const call of ["retrieve", "delete", "downloadContent"]) {
      await errorOf(client.videos[call](id), OpenAI.NotFoundError);
    }
  });

  test("cancel", async () => {
    const { id } = await client.videos.create({ prompt: "x" });
    const cancelled = await client.post(`/videos/${id}/cancel`);
    assert.deepEqual([cancelled.status, cancelled.error.code], ["failed", "cancelled"]);
  });

  test("a failed job is an answer", async () => {
    const last = await finished(await client.videos.create({ prompt: "[violation] x" }));
    assert.equal(last.status, "failed");
    assert.equal(last.error.code, "content_policy_violation");
    assert.ok(last.error.message);
    await errorOf(client.videos.downloadContent(last.id), OpenAI.NotFoundError);
  });

  test("one key, one job", async () => {
    const headers = { "Idempotency-Key": `node-${Date.now()}` };
    const [first, second] = await Promise.all([
      client.videos.create({ prompt: "x" }, { headers }),
      client.videos.create({ prompt: "x" }, { headers }),
    ]);
    assert.equal(first.id, second.id);
  });
});

describe("videos from videos", SUITE, () => {
  const source = client.videos.create({ prompt: "the source", model: "sora_video2" }).then(completed);
  const bytes = source.then(async ({ id }) => Buffer.from(await (await client.videos.downloadContent(id)).arrayBuffer()));
  const file = async () => toFile(await bytes, "clip.mp4", { type: "video/mp4" });

  test("remix", async () => {
    const { id } = await source;
    const remixed = await completed(await client.videos.remix(id, { prompt: "at night" }));
    assert.deepEqual([remixed.remixed_from_video_id, remixed.prompt], [id, "at night"]);
    await errorOf(client.videos.remix("video_unknown", { prompt: "x" }), OpenAI.NotFoundError);
    assert.equal((await errorOf(client.videos.remix(id, {}), OpenAI.BadRequestError)).param, "prompt");
  });

  test("edit by id", async () => {
    const { id } = await source;
    const edited = await completed(await client.videos.edit({ prompt: "in winter", video: { id } }));
    assert.equal(edited.prompt, "in winter");
  });

  test("extend by id", async () => {
    const { id, seconds } = await source;
    const extended = await completed(await client.videos.extend({ prompt: "it goes on", seconds: "8", video: { id } }));
    assert.ok(Number(extended.seconds) > Number(seconds), `${extended.seconds} s in all`);
    const { error } = await errorOf(client.videos.extend({ prompt: "x", video: { id } }), OpenAI.BadRequestError);
    assert.equal(error.param, "seconds");
  });

  test("edit and extend a file: made, or refused by name", async () => {
    for (const call of ["edit", "extend"]) {
      const body = { prompt: "x", seconds: "8", video: await file() };
      const answer = await client.videos[call](body).catch((error) => error);
      if (answer instanceof OpenAI.BadRequestError) assert.equal(answer.param, "video", answer.message);
      else assert.equal(answer.status, "queued", `${answer}`);
    }
  });

  test("characters", async () => {
    const made = await client.videos.createCharacter({ name: "Mimi", video: await file() });
    assert.deepEqual([made.object, made.name, typeof made.created_at], ["character", "Mimi", "number"]);
    const seen = await client.videos.getCharacter(made.id);
    assert.deepEqual([seen.id, seen.name], [made.id, "Mimi"]);
    await errorOf(client.videos.getCharacter("character_unknown"), OpenAI.NotFoundError);
    const picture = await toFile(Buffer.from("no video"), "a.mp4");
    const refused = await errorOf(client.videos.createCharacter({ name: "x", video: picture }), OpenAI.BadRequestError);
    assert.equal(refused.param, "video");
  });
});

describe("images", SUITE, () => {
  test("generate", async () => {
    const made = await client.images.generate({ model: "gpt-image-1", prompt: "x", n: 2, size: "1024x1024" });
    assert.deepEqual(made.data.map((image) => typeOf(fromBase64(image.b64_json))), ["image/png", "image/png"]);
    assert.ok(Math.abs(made.created - Date.now() / 1000) < 60);
    assert.equal(made.usage.total_tokens, made.usage.input_tokens + made.usage.output_tokens);
  });

  test("generate a link, in another format", async () => {
    const { data } = await client.images.generate({ prompt: "x", response_format: "url", output_format: "jpeg" });
    await opens(data[0].url, "image/jpeg");
  });

  test("generate as a stream", async () => {
    const stream = await client.images.generate({ prompt: "x", stream: true, partial_images: 2, output_format: "webp" });
    const events = await collected(stream);
    const last = events.at(-1);
    assert.equal(last.type, "image_generation.completed");
    assert.equal(typeOf(fromBase64(last.b64_json)), "image/webp");
    assert.equal(events.filter((event) => event.type === last.type).length, 1);
  });

  test("edit one picture", async () => {
    const image = fs.createReadStream(PICTURE);
    const { data } = await client.images.edit({ model: "sora_image", prompt: "at night", image });
    assert.equal(typeOf(fromBase64(data[0].b64_json)), "image/png");
  });

  test("edit several pictures, with a mask, as a stream", async () => {
    const [a, b, mask] = await Promise.all(["a", "b", "mask"].map((name) => toFile(pictureBytes, `${name}.jpg`)));
    const stream = await client.images.edit({ prompt: "both", image: [a, b], mask, stream: true });
    assert.equal((await collected(stream)).at(-1).type, "image_edit.completed");
    const [task] = await asked("both");
    assert.equal(task.body.inpaint_items.length, 2);
  });

  test("refusals", async () => {
    const refusals = [
      [{ prompt: "x", n: 11 }, "n"],
      [{ prompt: "" }, "prompt"],
      [{ prompt: "x", output_format: "bmp" }, "output_format"],
      [{ prompt: "x", response_format: "binary" }, "response_format"],
      [{ prompt: "x", model: "no-such-model" }, "model"],
    ];
    for (const [body, param] of refusals) {
      assert.equal((await errorOf(client.images.generate(body), OpenAI.BadRequestError)).param, param);
    }
    const refused = await errorOf(client.images.generate({ prompt: "[violation] x" }), OpenAI.BadRequestError);
    assert.equal(refused.code, "content_policy_violation");
  });

  test("a stream that fails late", async () => {
    const stream = await client.images.generate({ prompt: "[violation] x", stream: true });
    await assert.rejects(collected(stream), (error) => {
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.code, "content_policy_violation");
      return true;
    });
  });
});

describe("chat", SUITE, () => {
  const user = (content) => [{ role: "user", content }];

  test("an image", async () => {
    const answer = await client.chat.completions.create({
      model: "sora_image",
      messages: [{ role: "system", content: "You draw." }, ...user("画小猫")],
      temperature: 0.5,
      max_tokens: 10,
    });
    const [choice] = answer.choices;
    assert.deepEqual(
      [answer.object, choice.message.role, choice.finish_reason, choice.message.refusal],
      ["chat.completion", "assistant", "stop", null],
    );
    await opens(linkIn(choice.message.content), "image/png");
    assert.ok(answer.usage.total_tokens > 0);
  });

  test("a video from a picture, as a stream with usage", async () => {
    const prompt = "it begins to move";
    const parts = [
      { type: "text", text: prompt },
      { type: "image_url", image_url: { url: pictureUrl } },
    ];
    const stream = await client.chat.completions.create({
      model: "sora_video2-landscape",
      messages: user(parts),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collected(stream);
    assert.equal(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.created} ${chunk.model}`)).size, 1);
    assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "" });
    const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta));
    assert.ok(deltas.every((delta) => !(delta.reasoning_content && delta.content)), "never both in one");
    assert.match(deltas.map((delta) => delta.reasoning_content ?? "").join(""), /In progress/);
    const text = deltas.map((delta) => delta.content ?? "").join("");
    assert.match(text, /^<video src="[^"]+" controls><\/video>$/m);
    await opens(linkIn(text), "video/mp4");
    const [end, usage] = chunks.slice(-2);
    assert.deepEqual([end.choices[0].delta, end.choices[0].finish_reason], [{}, "stop"]);
    assert.deepEqual(usage.choices, []);
    assert.ok(usage.usage.total_tokens > 0);
    assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage === null));
    assert.equal((await asked(prompt))[0].body.inpaint_items.length, 1);
  });

  test("without usage unless asked", async () => {
    const stream = await client.chat.completions.create({ model: "sora_image", messages: user("x"), stream: true });
    const chunks = await collected(stream);
    assert.ok(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage));
  });

  test("the SDK's own accumulator", async () => {
    const runner = client.chat.completions.stream({ model: "sora_image", messages: user("x") });
    assert.match(await runner.finalContent(), /^!\[image\]\(/);
  });

  test("images as data when they are asked for", async () => {
    const body = { model: "sora_image", messages: user("x"), modalities: ["image", "text"] };
    const { message } = (await client.chat.completions.create(body)).choices[0];
    assert.match(message.images[0].image_url.url, /^data:image\/png;base64,/);
    assert.doesNotMatch(message.content ?? "", /!\[image\]/);
    const chunks = await collected(await client.chat.completions.create({ ...body, stream: true }));
    const withImages = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.delta.images);
    assert.equal(withImages.length, 1);
    assert.ok(!withImages[0].delta.content);
  });

  test("failures, whole and late", async () => {
    const body = { model: "sora_image", messages: user("[violation] x") };
    const refused = await errorOf(client.chat.completions.create(body), OpenAI.BadRequestError);
    assert.equal(refused.code, "content_policy_violation");
    const stream = await client.chat.completions.create({ ...body, stream: true });
    await assert.rejects(collected(stream), (error) => {
      assert.ok(error instanceof OpenAI.APIError);
      assert.deepEqual([error.code, error.type], ["content_policy_violation", "invalid_request_error"]);
      return true;
    });
    for (const messages of [[], [{ role: "assistant", content: "x" }], user([{ type: "text" }]), user(7)]) {
      await errorOf(client.chat.completions.create({ model: "sora_image", messages }), OpenAI.BadRequestError);
    }
  });
});

describe("responses", SUITE, () => {
  const pictureOf = (response) => {
    const [call] = response.output.filter((item) => item.type === "image_generation_call");
    assert.equal(call.status, "completed");
    return typeOf(fromBase64(call.result));
  };

  test("an image", async () => {
    const response = await client.responses.create({ model: "sora_image", input: "画小猫" });
    assert.deepEqual([response.object, response.status, response.error], ["response", "completed", null]);
    assert.match(response.id, /^resp_/);
    assert.equal(pictureOf(response), "image/png");
    assert.ok(response.usage.total_tokens > 0);
  });

  test("an image with the tool, from a picture, in a format", async () => {
    const content = [
      { type: "input_text", text: "by a response" },
      { type: "input_image", image_url: pictureUrl, detail: "auto" },
    ];
    const tools = [{ type: "image_generation", size: "1536x1024", output_format: "webp" }];
    const response = await client.responses.create({ model: "sora_image", input: [{ role: "user", content }], tools });
    assert.equal(pictureOf(response), "image/webp");
    assert.equal((await asked("by a response"))[0].body.inpaint_items.length, 1);
  });

  test("a video, as a stream", async () => {
    const stream = client.responses.stream({ model: "sora_video2", input: "x" });
    const events = await collected(stream);
    assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
    assert.deepEqual(
      [events[0].type, events[1].type, events.at(-1).type],
      ["response.created", "response.in_progress", "response.completed"],
    );
    const response = await stream.finalResponse();
    await opens(linkIn(response.output_text), "video/mp4");
  });

  test("an image, as a stream", async () => {
    const events = await collected(await client.responses.create({ model: "sora_image", input: "x", stream: true }));
    const types = events.map((event) => event.type);
    for (const type of ["response.output_item.added", "response.image_generation_call.completed"]) {
      assert.ok(types.includes(type), type);
    }
    assert.equal(pictureOf(events.at(-1).response), "image/png");
  });

  test("one that is kept", async () => {
    const { id } = await client.responses.create({ model: "sora_image", input: "x" });
    const kept = await client.responses.retrieve(id);
    assert.deepEqual([kept.id, kept.status, pictureOf(kept)], [id, "completed", "image/png"]);
    await errorOf(client.responses.retrieve("resp_unknown"), OpenAI.NotFoundError);
  });

  test("failures, whole and late", async () => {
    const body = { model: "sora_image", input: "[violation] x" };
    const refused = await errorOf(client.responses.create(body), OpenAI.BadRequestError);
    assert.equal(refused.code, "content_policy_violation");
    const events = await collected(await client.responses.create({ ...body, stream: true }));
    assert.equal(events.at(-1).type, "response.failed");
    assert.ok(events.at(-1).response.error.message);
    for (const wrong of [{ input: "" }, { input: [] }, { model: "no-such-model" }]) {
      await errorOf(client.responses.create({ ...body, ...wrong }), OpenAI.BadRequestError);
    }
    await errorOf(clientOf(CHAT_KEY).responses.create(body), OpenAI.PermissionDeniedError);
  });
});

describe("models", SUITE, () => {
  test("list and one", async () => {
    const ids = (await collected(client.models.list())).map((model) => model.id);
    for (const id of ["sora_image", "sora_video", "sora_video2"]) assert.ok(ids.includes(id), id);
    for (const id of ["sora_video2-landscape-15s", "sora_video2|[free,plus]", "sora-2"]) {
      assert.deepEqual(
        await client.models.retrieve(id).then((model) => [model.id, model.object]),
        [id, "model"],
      );
    }
    const error = await errorOf(client.models.retrieve("org/model"), OpenAI.NotFoundError);
    assert.deepEqual([error.code, error.param], ["model_not_found", "model"]);
  });
});

describe("error classes", SUITE, () => {
  test("401", async () => {
    const error = await errorOf(clientOf(WRONG_KEY).models.list(), OpenAI.AuthenticationError);
    assert.deepEqual([error.code, error.type], ["invalid_api_key", "invalid_request_error"]);
    assert.match(error.message, /Incorrect API key provided/);
  });

  test("403", async () => {
    const poor = clientOf(CHAT_KEY);
    await errorOf(poor.videos.create({ prompt: "x" }), OpenAI.PermissionDeniedError);
    await errorOf(poor.images.generate({ prompt: "x" }), OpenAI.PermissionDeniedError);
    assert.ok((await poor.models.list()).data.length > 0);
  });

  test("404", async () => {
    await errorOf(client.videos.retrieve("video_unknown"), OpenAI.NotFoundError);
    await errorOf(client.get("/no/such/route"), OpenAI.NotFoundError);
    await errorOf(client.batches.list(), OpenAI.NotFoundError);
  });

  test("400 names the field", async () => {
    const refusals = [
      [{ prompt: "x", seconds: "7" }, "seconds"],
      [{ prompt: "x", size: "huge" }, "size"],
      [{ seconds: "4" }, "prompt"],
      [{ prompt: "x".repeat(32_001) }, "prompt"],
      [{ prompt: "x", model: "no-such-model" }, "model"],
    ];
    for (const [body, param] of refusals) {
      assert.equal((await errorOf(client.videos.create(body), OpenAI.BadRequestError)).param, param);
    }
  });

  test("405 and 415", async () => {
    const wrongMethod = await errorOf(client.delete("/videos"), OpenAI.APIError);
    assert.equal(wrongMethod.status, 405);
    const headers = { "Content-Type": "text/plain" };
    const wrongType = await errorOf(client.post("/videos", { body: "prompt", headers }), OpenAI.APIError);
    assert.equal(wrongType.status, 415);
  });
});
