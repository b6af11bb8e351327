// The interop test service of gRPC (grpc.testing.TestService) on connect-node,
// as far as gctl's tests call it, in Connect and gRPC-Web, by the schema in the
// file of the first argument. The ports of HTTP/1.1 and of HTTP/2 in plaintext
// are printed on stdout; the servers end when stdin closes.
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

const initial = "x-grpc-test-echo-initial";
const trailing = "x-grpc-test-echo-trailing-bin";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(process.argv[2])));
const service = registry.getService("grpc.testing.TestService");
const detail = registry.getMessage("grpc.testing.EchoStatus");

function echo(context) {
  const head = context.requestHeader.get(initial);
  const tail = context.requestHeader.get(trailing);
  if (head !== null) context.responseHeader.set(initial, head);
  if (tail !== null) context.responseTrailer.set(trailing, tail);
}

const payload = (size) => ({ body: new Uint8Array(size) });

function fail(status) {
  if (!status?.code) return;
  throw new ConnectError(status.message, status.code, undefined, [{ desc: detail, value: status }]);
}

const implementation = {
  emptyCall: () => ({}),
  unaryCall(request, context) {
    echo(context);
    fail(request.responseStatus);
    return { payload: payload(request.responseSize) };
  },
  async *streamingOutputCall(request, context) {
    echo(context);
    for (const wanted of request.responseParameters) yield { payload: payload(wanted.size) };
    fail(request.responseStatus);
  },
  async streamingInputCall(requests) {
    let sum = 0;
    for await (const request of requests) sum += request.payload?.body.length ?? 0;
    return { aggregatedPayloadSize: sum };
  },
  async *fullDuplexCall(requests, context) {
    echo(context);
    for await (const request of requests) {
      fail(request.responseStatus);
      for (const wanted of request.responseParameters) yield { payload: payload(wanted.size) };
    }
  },
};

const handler = connectNodeAdapter({ grpc: false, routes: (router) => router.service(service, implementation) });
const servers = [http.createServer(handler), http2.createServer(handler)];
for (const server of servers) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  console.log(server.address().port);
}
process.stdin.on("end", () => process.exit(0)).resume();
