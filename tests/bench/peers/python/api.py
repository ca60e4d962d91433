"""The API of the usual pattern: jobs go to a list, chunks come by pub/sub, a stop sets a flag."""
import json
import os

import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
store = redis.Redis(unix_socket_path=os.environ["PEER_REDIS"], decode_responses=True)


async def relay(pubsub):
    """Server-sent events until the worker says that it is over."""
    try:
        async for message in pubsub.listen():
            if message["type"] != "message":
                continue
            yield f"data: {message['data']}\n\n"
            if json.loads(message["data"])["done"]:
                return
    finally:
        await pubsub.close()


@app.post("/chat/{stream_id}")
async def chat(stream_id: str, request: Request):
    body = await request.json()
    pubsub = store.pubsub()
    await pubsub.subscribe(f"stream:{stream_id}")  # before the job, or the first chunks are missed
    await store.lpush("jobs", json.dumps({"id": stream_id, "message": body["message"]}))
    return StreamingResponse(relay(pubsub), media_type="text/event-stream")


@app.post("/chat/{stream_id}/stop")
async def stop(stream_id: str):
    await store.set(f"chat_stop:{stream_id}", 1, ex=60)
    return {"stopped": True}


@app.get("/livez")
async def livez():
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False, limit_concurrency=None)
