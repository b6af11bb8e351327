// The page of the edge: lists users, creates one, and watches them, all by
// gRPC-Web. Its schema is that of the edge, fetched when the page starts, so that
// nothing here is generated.
import { createFileRegistry, fromBinary, create, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const $ = (id) => document.getElementById(id);

// connect returns a client of the user service and its types.
async function connect() {
  const answer = await fetch("schema.binpb");
  if (!answer.ok) throw new Error(`the schema cannot be had: ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const transport = createGrpcWebTransport({ baseUrl: location.origin });
  return {
    client: createClient(registry.getService("user.v1.UserService"), transport),
    User: registry.getMessage("user.v1.User"),
  };
}

const users = new Map();

// show puts a user into the table, sorted by ID.
function show(user, fresh) {
  let row = users.get(user.id);
  if (!row) {
    row = document.createElement("tr");
    row.dataset.id = user.id;
    for (const name of ["name", "id", "email", "role", "state"]) {
      const cell = row.insertCell();
      cell.className = name;
    }
    const body = $("users");
    const after = [...body.rows].find((other) => other.dataset.id > user.id);
    body.insertBefore(row, after ?? null);
    users.set(user.id, row);
  }
  const shown = toJson(page.User, user);
  const word = (value, prefix) => (value ?? "").replace(prefix, "").toLowerCase();
  const texts = [user.displayName, user.id, user.email, word(shown.role, "ROLE_"), word(shown.state, "STATE_")];
  texts.forEach((text, i) => (row.cells[i].textContent = text));
  row.dataset.state = texts[4];
  if (fresh) flash(row);
  count();
}

function flash(row) {
  row.classList.remove("fresh");
  void row.offsetWidth; // starts the animation anew
  row.classList.add("fresh");
}

function forget(id) {
  users.get(id)?.remove();
  users.delete(id);
  count();
}

function count() {
  $("count").textContent = users.size === 1 ? "1 user" : `${users.size} users`;
  $("empty").hidden = users.size > 0;
}

// list fills the table, page by page.
async function list() {
  const seen = new Set();
  let pageToken = "";
  do {
    const response = await page.client.listUsers({ pageSize: 200, pageToken });
    for (const user of response.users) {
      seen.add(user.id);
      show(user, false);
    }
    pageToken = response.nextPageToken;
  } while (pageToken);
  for (const id of [...users.keys()]) if (!seen.has(id)) forget(id);
}

function log(word, user, time) {
  const item = document.createElement("li");
  const when = document.createElement("time");
  when.textContent = time.toLocaleTimeString([], { hour12: false });
  const what = document.createElement("b");
  what.textContent = word;
  what.className = word;
  const who = document.createElement("span");
  who.textContent = user.displayName || user.id;
  item.append(when, what, who);
  $("changes").prepend(item);
  while ($("changes").children.length > 50) $("changes").lastChild.remove();
  $("quiet").hidden = true;
}

function live(state, text) {
  document.body.dataset.live = state;
  $("live").textContent = text;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// watch follows the changes for as long as the page is open. It resumes behind
// the last one that it saw; where that is too long ago the list is read anew.
async function watch() {
  let token = "";
  let wait = 250;
  for (;;) {
    try {
      const headers = () => {
        live("on", "live");
        wait = 250;
        if (!token) list().catch(fail); // the watch is in place: nothing is missed in between
      };
      for await (const change of page.client.watchUsers({ token }, { onHeader: headers })) {
        token = change.token;
        const user = change.change.value;
        if (change.change.case === "deleted") forget(user.id);
        else show(user, true);
        log(change.change.case, user, new Date(Number(change.changeTime?.seconds ?? 0n) * 1000));
      }
    } catch (error) {
      if (ConnectError.from(error).code === Code.OutOfRange) token = "";
    }
    live("off", "reconnecting");
    await pause(wait);
    wait = Math.min(wait * 2, 5000);
  }
}

function fail(error) {
  const status = ConnectError.from(error);
  $("problem").textContent = `${Code[status.code].replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase()}: ${status.rawMessage}`;
  $("problem").hidden = false;
}

async function add(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  $("problem").hidden = true;
  button.disabled = true;
  try {
    const user = create(page.User, { displayName: form.elements.name.value.trim(), email: form.elements.email.value.trim() });
    show(await page.client.createUser({ user }), true);
    form.reset();
    form.elements.name.focus();
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
}

const page = {};
$("add").addEventListener("submit", add);
connect().then((connected) => Object.assign(page, connected)).then(watch).catch(fail);
