// The interop test service of gRPC (grpc.testing.TestService) on grpc-js, as
// far as gctl's tests call it, and gctl.testing.Things. The port is printed on
// stdout; the server ends when its stdin closes.
"use strict";
const path = require("path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const { ReflectionService } = require("@grpc/reflection");

const initial = "x-grpc-test-echo-initial";
const trailing = "x-grpc-test-echo-trailing-bin";

const files = ["test.proto", "things.proto"].map((name) => path.join(__dirname, name));
const definition = loader.loadSync(files, { keepCase: true });
const root = grpc.loadPackageDefinition(definition);

function echo(call) {
  const head = new grpc.Metadata();
  const tail = new grpc.Metadata();
  for (const value of call.metadata.get(initial)) head.add(initial, value);
  for (const value of call.metadata.get(trailing)) tail.add(trailing, value);
  call.sendMetadata(head);
  return tail;
}

const payload = (size) => ({ body: Buffer.alloc(size) });

const failure = (status, metadata) => ({ code: status.code, details: status.message, metadata });

const handlers = {
  EmptyCall(call, done) {
    done(null, {});
  },
  UnaryCall(call, done) {
    const tail = echo(call);
    const status = call.request.response_status;
    if (status && status.code) return done(failure(status, tail));
    done(null, { payload: payload(call.request.response_size) }, tail);
  },
  StreamingOutputCall(call) {
    for (const p of call.request.response_parameters) call.write({ payload: payload(p.size) });
    call.end();
  },
  StreamingInputCall(call, done) {
    let sum = 0;
    call.on("data", (m) => (sum += m.payload ? m.payload.body.length : 0));
    call.on("end", () => done(null, { aggregated_payload_size: sum }));
  },
  FullDuplexCall(call) {
    const tail = echo(call);
    let ended = false;
    call.on("data", (m) => {
      const status = m.response_status;
      if (status && status.code) {
        ended = true;
        return call.emit("error", failure(status, tail));
      }
      for (const p of m.response_parameters) call.write({ payload: payload(p.size) });
    });
    call.on("end", () => ended || call.end(tail));
  },
};

const server = new grpc.Server();
server.addService(root.grpc.testing.TestService.service, handlers);
server.addService(root.gctl.testing.Things.service, { Echo: (call, done) => done(null, call.request) });
new ReflectionService(definition).addToServer(server);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (err, port) => {
  if (err) throw err;
  console.log(port);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
