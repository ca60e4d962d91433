"""The worker of the usual pattern: takes jobs from a list, looks at the stop flag before each chunk, publishes the chunk."""
import asyncio
import json
import os

import httpx
import redis.asyncio as redis


async def chunks(client, message):
    """The texts of the provider's stream."""
    body = {"model": "sim", "stream": True, "messages": [{"role": "user", "content": message}]}
    async with client.stream("POST", os.environ["PEER_PROVIDER"] + "/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if not line.startswith("data: "):
                continue
            data = line[6:].strip()
            if data == "[DONE]":
                return
            for choice in json.loads(data)["choices"]:
                text = choice["delta"].get("content")
                if text:
                    yield text


async def run(store, client, job):
    channel, flag = f"stream:{job['id']}", f"chat_stop:{job['id']}"
    end = {"done": True}
    try:
        async for text in chunks(client, job["message"]):
            if await store.get(flag):
                end["stopped"] = True
                break
            await store.publish(channel, json.dumps({"text": text, "done": False}))
    except httpx.HTTPError as error:
        end["error"] = str(error)
    await store.publish(channel, json.dumps(end))


async def main():
    store = redis.Redis(unix_socket_path=os.environ["PEER_REDIS"], decode_responses=True)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    running = set()
    async with httpx.AsyncClient(timeout=None, limits=limits) as client:
        print("ready", flush=True)
        while True:
            _, job = await store.brpop("jobs")
            task = asyncio.create_task(run(store, client, json.loads(job)))
            running.add(task)  # else it may be collected while it runs
            task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main())
