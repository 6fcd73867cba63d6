// Browses /openapi.json and tries its operations. Everything shown is set as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
const spec = await (await fetch("/openapi.json")).json();

/** An element with properties and children; a string child is text, a list is its members, null is nothing. */
function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.flat(Infinity).filter((child) => child != null));
  return node;
}

/** A paragraph; what stands between backticks is code, as in the protos' comments. */
function paragraph(text, properties = {}) {
  return element("p", properties,
    (text ?? "").split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part)));
}

/** The thing a `$ref` points to, with what stands beside the reference; anything else as it is. */
function resolved(value) {
  if (!value?.$ref) return value;
  const target = value.$ref.slice(2).split("/").reduce((place, key) => place[key], spec);
  const { $ref, ...beside } = value;
  return { ...target, ...beside };
}

/** An answer's enum is names or a number: the names are what a reader wants. */
function principal(schema) {
  const whole = resolved(schema);
  return whole.anyOf ? { ...whole, ...resolved(whole.anyOf[0]) } : whole;
}

function typeOf(schema) {
  const whole = principal(schema);
  if (whole.type === "array") return `list of ${typeOf(whole.items)}`;
  if (whole.enum) return whole.enum.join(" | ");
  if (whole.type === "object") return whole.title ?? "object";
  return [whole.type, whole.format, limits(whole)].filter(Boolean).join(", ");
}

function limits(schema) {
  const words = {
    minimum: "≥", exclusiveMinimum: ">", maximum: "≤", minLength: "at least", maxLength: "at most", pattern: "like", const: "is",
  };
  const told = Object.keys(words).filter((key) => key in schema);
  return told.map((key) => `${words[key]} ${schema[key]}`).join(", ");
}

/** The fields of an object, nested ones inside; `seen` stops at a message that contains itself. */
function fields(schema, seen = []) {
  const whole = principal(schema);
  const inner = whole.type === "array" ? principal(whole.items) : whole;
  if (!inner.properties || seen.includes(inner.title)) return null;
  const rows = Object.entries(inner.properties).map(([name, each]) => {
    const required = inner.required?.includes(name) ? " · required" : "";
    return [
      element("dt", {}, name),
      element("dd", {},
        paragraph(principal(each).description),
        element("p", { className: "type" }, typeOf(each) + required),
        fields(each, [...seen, inner.title])),
    ];
  });
  return element("dl", {}, rows);
}

/** A request that has what is required, as a start for typing. */
function sample(schema, name = "") {
  const whole = principal(schema);
  if (whole.const !== undefined) return whole.const;
  if (whole.enum) return whole.enum.find((each) => !each.endsWith("_UNSPECIFIED"));
  if (whole.type === "array") return [sample(whole.items)];
  if (whole.type === "integer" || whole.type === "number") return Math.max(1, whole.minimum ?? 1);
  if (whole.type === "boolean") return true;
  if (whole.type === "object") return sampleObject(whole);
  if (whole.format === "date-time") return new Date().toISOString();
  if (name.endsWith("_date")) return new Date().toISOString().slice(0, 10);
  if (name === "request_id") return crypto.randomUUID?.() ?? `try-${Date.now()}`;
  if (name === "phone_number") return "+12025550123";
  return name;
}

function sampleObject(schema) {
  const chosen = (schema.allOf ?? []).flatMap((choice) => choice.oneOf?.[0]?.required ?? []);
  const named = "request_id" in (schema.properties ?? {}) ? ["request_id"] : [];
  const wanted = new Set([...(schema.required ?? []), ...named, ...chosen]);
  return Object.fromEntries([...wanted].map((name) => [name, sample(schema.properties[name], name)]));
}

function parameterInput(parameter) {
  const value = parameter.in === "path" ? String(sample(parameter.schema, parameter.name)) : "";
  return element("label", {}, parameter.name,
    element("input", { name: parameter.name, value, required: parameter.required, autocomplete: "off" }));
}

/** The form that calls an operation and shows what comes back. */
function trial(method, path, operation, parameters) {
  const bodySchema = operation.requestBody?.content["application/json"].schema;
  const inputs = parameters.filter((each) => each.in !== "header");
  const start = bodySchema && JSON.stringify(sample(bodySchema), null, 2);
  const body = bodySchema && element("textarea",
    { value: start, rows: start.split("\n").length, spellcheck: false, ariaLabel: "Body" });
  const shown = element("pre", { hidden: true });
  const form = element("form", {}, element("h3", {}, "Try it"), inputs.map(parameterInput), body,
    element("button", {}, "Send"), shown);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(inputs.map((each) => [each.name, form.elements[each.name].value]));
    await send(shown, method, address(path, inputs, values), body?.value);
  });
  return form;
}

function address(path, parameters, values) {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
  const query = parameters.filter((each) => each.in === "query" && values[each.name]).map((each) => [each.name, values[each.name]]);
  return query.length ? `${filled}?${new URLSearchParams(query)}` : filled;
}

async function send(shown, method, url, body) {
  shown.hidden = false;
  shown.textContent = "...";
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  try {
    const response = await fetch(url, { method: method.toUpperCase(), headers, body });
    shown.textContent = `${response.status} ${url}\n${JSON.stringify(await response.json(), null, 2)}`;
    shown.className = response.ok ? "" : "wrong";
  } catch (error) {
    shown.textContent = `No answer: ${error.message}`;
    shown.className = "wrong";
  }
}

function operationView(method, path, operation) {
  const parameters = (operation.parameters ?? []).map(resolved);
  const body = operation.requestBody?.content["application/json"].schema;
  const described = parameters.map((each) => [
    element("dt", {}, each.name),
    element("dd", {}, paragraph(each.description), element("p", { className: "type" }, `${each.in}, ${typeOf(each.schema)}`)),
  ]);
  return element("details", { id: operation.operationId },
    element("summary", {}, element("span", { className: `method ${method.toUpperCase()}` }, method.toUpperCase()),
      element("code", {}, path), element("span", { className: "quiet" }, operation.summary)),
    paragraph(operation.description),
    element("p", { className: "quiet" }, `gRPC: ${operation["x-grpc-method"]}`),
    element("h3", {}, "Parameters"), element("dl", {}, described),
    body && element("h3", {}, "Body"), body && fields(body),
    element("h3", {}, "Answer"), fields(operation.responses["200"].content["application/json"].schema),
    trial(method, path, operation, parameters));
}

function tagView(tag) {
  const found = Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]?.tags.includes(tag.name)).map((method) => operationView(method, path, item[method])));
  return element("section", {}, element("h2", {}, tag.name), paragraph(tag.description), found);
}

function listView(title, words) {
  const rows = Object.entries(words).map(([name, text]) => [element("dt", {}, name), element("dd", {}, paragraph(text))]);
  return element("section", {}, element("h2", {}, title), element("dl", {}, rows));
}

function filterOn(text) {
  for (const view of document.querySelectorAll("details")) {
    view.hidden = !`${view.id} ${view.firstChild.textContent}`.toLowerCase().includes(text.toLowerCase());
  }
}

document.getElementById("about").replaceWith(paragraph(spec.info.description, { id: "about" }));
document.getElementById("operations").replaceChildren(
  ...spec.tags.map(tagView),
  listView("gRPC only", spec["x-grpc-only"]),
  listView("Reasons of problems", spec.components.schemas.Problem.properties.reason["x-enum-descriptions"]));
document.getElementById("filter").addEventListener("input", (event) => filterOn(event.target.value));
document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
