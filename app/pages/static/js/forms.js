/* A form drawn from a kind's JSON Schema: what the schema gains, the form gains. */

import { named } from "./words.js";

const WORDS = {
  video: "Video", audio: "Audio only", best: "Best quality", mp4: "MP4", mkv: "MKV",
  2160: "4K (2160p)", 1440: "1440p", 1080: "1080p (Full HD)", 720: "720p", 480: "480p",
};

/** What to write into a field, where the schema gives no example. */
const EXAMPLES = { items: "1:50", subtitles: "en, de" };

/** Fields that stand beside the address; all others go under "Options". */
const IN_FRONT = ["mode", "quality"];
const MOST_SEGMENTS = 3;

export class SchemaForm {
  /** Draws all properties of `schema` but those in `given` into the two places. */
  constructor(schema, { front, options, given }) {
    this.schema = schema;
    this.fields = Object.entries(schema.properties ?? {})
      .filter(([name]) => !given.includes(name))
      .map(([name, property]) => this.field(name, resolve(property, schema)));
    const isFront = (field) => IN_FRONT.includes(field.name);
    front.replaceChildren(...this.fields.filter(isFront).map((field) => field.element));
    options.replaceChildren(...this.fields.filter((field) => !isFront(field)).map((field) => field.element));
    this.hasOptions = options.childElementCount > 0;
  }

  /** What differs from the defaults: {name: value}. */
  values() {
    const chosen = {};
    for (const { name, property, read } of this.fields) {
      const value = read();
      if (value !== undefined && JSON.stringify(value) !== JSON.stringify(property.default)) chosen[name] = value;
    }
    return chosen;
  }

  field(name, property) {
    const make = property.enum
      ? IN_FRONT.includes(name) && property.enum.length <= MOST_SEGMENTS ? segments : select
      : { boolean: checkbox, array: words, integer: number, number }[property.type] ?? text;
    return { name, property, ...make(name, property, label(name, property)) };
  }
}

/** Follows $ref, const and "this or null" to the part that says what may be entered. */
function resolve(property, schema) {
  if (property.$ref) {
    const target = property.$ref.replace(/^#\//, "").split("/").reduce((node, key) => node?.[key], schema);
    return { ...target, ...property, $ref: undefined };
  }
  if (property.const !== undefined) return { ...property, enum: [property.const] };
  const choices = (property.anyOf ?? property.oneOf ?? property.allOf)?.filter((choice) => choice.type !== "null");
  return choices?.length ? { ...resolve(choices[0], schema), ...property, optional: true } : property;
}

/** A title that somebody wrote, otherwise ours: a schema's automatic one only repeats the name. */
function label(name, property) {
  const automatic = !property.title || property.title.toLowerCase() === name.replaceAll("_", " ");
  return automatic ? named(name) : property.title;
}

const wordFor = (value) => WORDS[value] ?? String(value);

function node(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function framed(name, property, title, control) {
  const wrong = node("p", { class: "wrong", id: `${name}-wrong`, hidden: "" });
  const described = [`${name}-wrong`];
  const parts = [node("label", { for: name }, title), control];
  if (property.description) {
    parts.push(node("p", { class: "hint", id: `${name}-hint` }, property.description));
    described.unshift(`${name}-hint`);
  }
  control.setAttribute("aria-describedby", described.join(" "));
  return node("div", { class: "field" }, ...parts, wrong);
}

function segments(name, property, title) {
  const group = node("fieldset", { class: "segments" }, node("legend", {}, title));
  for (const value of property.enum) {
    const id = `${name}-${value}`;
    const input = node("input", { type: "radio", name, id, value });
    input.checked = value === (property.default ?? property.enum[0]);
    group.append(input, node("label", { for: id }, wordFor(value)));
  }
  group.append(node("p", { class: "wrong", id: `${name}-wrong`, hidden: "" }));
  return { element: group, read: () => typed(property, group.querySelector(":checked")?.value) };
}

function select(name, property, title) {
  const control = node("select", { id: name, name }, ...property.enum.map((value) => node("option", { value }, wordFor(value))));
  control.value = property.default ?? property.enum[0];
  return { element: framed(name, property, title, control), read: () => typed(property, control.value) };
}

const typed = (property, text) => property.enum.find((value) => String(value) === text);

function checkbox(name, property, title) {
  const control = node("input", { type: "checkbox", id: name, name });
  control.checked = property.default === true;
  const element = framed(name, property, title, control);
  element.classList.add("tick");
  return { element, read: () => control.checked };
}

function input(name, property, title, attributes) {
  const control = node("input", { id: name, name, autocomplete: "off", spellcheck: "false", ...attributes });
  const example = property.examples?.[0] ?? EXAMPLES[name];
  if (example !== undefined) control.placeholder = String(example);
  return { control, element: framed(name, property, title, control) };
}

function text(name, property, title) {
  const { control, element } = input(name, property, title, { type: "text", maxlength: property.maxLength });
  control.value = property.default ?? "";
  return { element, read: () => control.value.trim() || undefined };
}

function number(name, property, title) {
  const { control, element } = input(name, property, title, { type: "number", min: property.minimum, max: property.maximum });
  control.value = property.default ?? "";
  return { element, read: () => (control.value === "" ? undefined : Number(control.value)) };
}

function words(name, property, title) {
  const { control, element } = input(name, property, title, { type: "text" });
  control.value = (property.default ?? []).join(", ");
  return { element, read: () => control.value.split(/[\s,;]+/).filter(Boolean) };
}
