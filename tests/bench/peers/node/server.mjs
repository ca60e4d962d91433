// The usual pattern in Node: one process reads the provider and answers, resumable-stream keeps the stream resumable, a stop sets a
// flag that is looked at before each chunk. PEER_FLAG=off leaves the flag out: the package alone.
import { createServer } from 'node:http'
import { createClient } from 'redis'
import { createResumableStreamContext } from 'resumable-stream'

const looksAtFlag = process.env.PEER_FLAG !== 'off'
const connect = () => createClient({ socket: { path: process.env.PEER_REDIS } }).on('error', console.error)
const store = connect()
const publisher = connect()
const subscriber = connect()
await Promise.all([store, publisher, subscriber].map((client) => client.connect()))
const streams = createResumableStreamContext({ waitUntil: null, publisher, subscriber })

async function* texts(message) {
  const answer = await fetch(`${process.env.PEER_PROVIDER}/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'sim', stream: true, messages: [{ role: 'user', content: message }] }),
  })
  if (!answer.ok) throw new Error(`provider: ${answer.status}`)
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of answer.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue
      const data = line.slice(6).trim()
      if (data === '[DONE]') return
      for (const choice of JSON.parse(data).choices) if (choice.delta.content) yield choice.delta.content
    }
  }
}

async function* events(id, message) {
  const end = { done: true }
  try {
    for await (const text of texts(message)) {
      if (looksAtFlag && (await store.get(`chat_stop:${id}`))) {
        end.stopped = true
        break
      }
      yield `data: ${JSON.stringify({ text, done: false })}\n\n`
    }
  } catch (error) {
    end.error = String(error)
  }
  yield `data: ${JSON.stringify(end)}\n\n`
}

function readable(generator) {
  const pull = async (controller) => {
    const { done, value } = await generator.next()
    if (done) controller.close()
    else controller.enqueue(value)
  }
  return new ReadableStream({ pull })
}

async function chat(id, request, response) {
  let body = ''
  for await (const piece of request) body += piece
  const { message } = JSON.parse(body)
  const stream = await streams.createNewResumableStream(id, () => readable(events(id, message)))
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
  for await (const text of stream) if (!response.write(text)) await new Promise((go) => response.once('drain', go))
  response.end()
}

async function stop(id, response) {
  await store.set(`chat_stop:${id}`, '1', { EX: 60 })
  response.setHeader('Content-Type', 'application/json').end('{"stopped":true}')
}

const server = createServer((request, response) => {
  const [, , id, verb] = request.url.split('/')
  const work = verb === 'stop' ? stop(id, response) : id ? chat(id, request, response) : Promise.resolve(response.end('{"status":"ok"}'))
  work.catch((error) => {
    console.error(error)
    response.destroy()
  })
})
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => console.log(`listening http://127.0.0.1:${server.address().port}`))
