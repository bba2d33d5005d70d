// Reads the type declarations of the stripe package and writes what the API takes and answers, as names and types, to VERSION.json.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

// The contract's table. A new resource is a line or two here, and a run of `make`.
// operation -> [declaration file, name of the parameters' type]
const OPERATIONS = {
  'payment_intents.create': ['PaymentIntents', 'PaymentIntentCreateParams'],
  'payment_intents.retrieve': ['PaymentIntents', 'PaymentIntentRetrieveParams'],
  'payment_intents.update': ['PaymentIntents', 'PaymentIntentUpdateParams'],
  'payment_intents.list': ['PaymentIntents', 'PaymentIntentListParams'],
  'payment_intents.confirm': ['PaymentIntents', 'PaymentIntentConfirmParams'],
  'payment_intents.cancel': ['PaymentIntents', 'PaymentIntentCancelParams'],
  'payment_intents.capture': ['PaymentIntents', 'PaymentIntentCaptureParams'],
  'payment_methods.create': ['PaymentMethods', 'PaymentMethodCreateParams'],
  'payment_methods.retrieve': ['PaymentMethods', 'PaymentMethodRetrieveParams'],
  'charges.retrieve': ['Charges', 'ChargeRetrieveParams'],
  'charges.list': ['Charges', 'ChargeListParams'],
  'events.retrieve': ['Events', 'EventRetrieveParams'],
  'events.list': ['Events', 'EventListParams'],
};
// object -> [declaration file, name of its type]
const OBJECTS = {
  payment_intent: ['PaymentIntents', 'PaymentIntent'],
  payment_method: ['PaymentMethods', 'PaymentMethod'],
  charge: ['Charges', 'Charge'],
  event: ['Events', 'EventBase'],
};

const [packageDir, outDir] = process.argv.slice(2);
const release = JSON.parse(fs.readFileSync(path.join(packageDir, 'package.json'), 'utf8')).version;
const resourceFile = (name) => path.join(packageDir, 'esm', 'resources', `${name}.d.ts`);
const versionFile = path.join(packageDir, 'esm', 'apiVersion.d.ts');
const version = /ApiVersion = "([^"]+)"/.exec(fs.readFileSync(versionFile, 'utf8'))[1];

const files = [...new Set(Object.values({ ...OPERATIONS, ...OBJECTS }).map(([file]) => resourceFile(file)))];
const program = ts.createProgram(files, {
  strict: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16, types: [],
});
const checker = program.getTypeChecker();

function declaration([file, name]) {
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(resourceFile(file)));
  const found = checker.getExportsOfModule(symbol).find((each) => each.getName() === name);
  if (!found) throw new Error(`${name} is not in ${file}.d.ts of stripe ${release}`);
  return checker.getDeclaredTypeOfSymbol(found);
}

/* A type as data: "string", "integer", "boolean", "map", {enum: [...]}, {array: T}, {object: {name: T}, required: [...]},
   {any: [T, ...]}; "empty" stands for the empty string that unsets a value. */
function describe(type) {
  if (type.isUnion()) return describeUnion(type.types);
  if (type.isStringLiteral()) return type.value === '' ? 'empty' : { enum: [type.value] };
  if (type.flags & ts.TypeFlags.BooleanLike) return 'boolean';
  if (type.flags & ts.TypeFlags.NumberLike) return 'integer';
  if (type.flags & ts.TypeFlags.StringLike) return 'string';
  if (type.isIntersection()) return 'open';  // OtherString: an enumeration that may grow
  if (checker.isArrayType(type)) return { array: describe(checker.getTypeArguments(type)[0]) };
  if (type.symbol && type.symbol.getName() === 'Decimal') return 'string';
  if (checker.getIndexInfosOfType(type).length) return 'map';
  if (type.flags & ts.TypeFlags.Object) return describeObject(type);
  throw new Error(`no word for the type ${checker.typeToString(type)}`);
}

function describeUnion(types) {
  const parts = types
    .filter((each) => !(each.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)))
    .map(describe);
  const words = parts.filter((each) => each.enum).flatMap((each) => each.enum);
  const rest = parts.filter((each) => !each.enum && each !== 'open').map((each) => JSON.stringify(each));
  const distinct = [...new Set(rest)].map((each) => JSON.parse(each));
  if (words.length) distinct.unshift({ enum: words.sort() });
  return distinct.length === 1 ? distinct[0] : { any: distinct };
}

function describeObject(type) {
  const object = {};
  const required = [];
  for (const property of checker.getPropertiesOfType(type)) {
    const where = property.valueDeclaration ?? property.declarations[0];
    object[property.getName()] = describe(checker.getTypeOfSymbolAtLocation(property, where));
    if (!(property.flags & ts.SymbolFlags.Optional)) required.push(property.getName());
  }
  return required.length ? { object, required } : { object };
}

/* Parts that stand in several places are written once, under "shared", and named by {ref: N}. */
function share(operations) {
  const seen = new Map();
  const count = (node) => {
    if (typeof node !== 'object') return;
    if (!Array.isArray(node)) {
      const text = JSON.stringify(node);
      seen.set(text, (seen.get(text) ?? 0) + 1);
      if (seen.get(text) > 1) return;
    }
    Object.values(node).forEach(count);
  };
  Object.values(operations).forEach(count);
  const shared = [];
  const place = new Map();
  const shrink = (node) => {
    if (typeof node !== 'object') return node;
    if (Array.isArray(node)) return node.map(shrink);
    const text = JSON.stringify(node);
    const inner = () => Object.fromEntries(Object.entries(node).map(([name, value]) =>
      [name, name === 'required' || name === 'enum' ? value : shrink(value)]));
    const repeats = (node.enum || node.object) && !(node.object instanceof Array) && seen.get(text) > 1 && text.length > 60;
    if (!repeats) return inner();
    if (!place.has(text)) {
      const made = inner();
      place.set(text, shared.length);
      shared.push(made);
    }
    return { ref: place.get(text) };
  };
  const roots = Object.fromEntries(Object.entries(operations).map(([name, node]) => [name, shrink(node)]));
  return { roots, shared };
}

function names(type) {
  const all = checker.getPropertiesOfType(type);
  const optional = (each) => Boolean(each.flags & ts.SymbolFlags.Optional);
  return {
    always: all.filter((each) => !optional(each)).map((each) => each.getName()).filter((each) => each !== 'lastResponse').sort(),
    sometimes: all.filter(optional).map((each) => each.getName()).sort(),
  };
}

const described = Object.fromEntries(Object.entries(OPERATIONS).map(([name, where]) => [name, describe(declaration(where))]));
const { roots, shared } = share(described);
const objects = Object.fromEntries(Object.entries(OBJECTS).map(([name, where]) => [name, names(declaration(where))]));
const lines = (each) => Object.entries(each).map(([name, node]) => `  ${JSON.stringify(name)}: ${JSON.stringify(node)}`).join(',\n');

fs.writeFileSync(path.join(outDir, `${version}.json`), `{"about": "What Stripe's API takes and answers, from the types of the npm package stripe. Made by contract/make.",
"license": "Apache-2.0",
"version": ${JSON.stringify(version)}, "package": ${JSON.stringify(`stripe@${release}`)},
"operations": {
${lines(roots)}
},
"objects": {
${lines(objects)}
},
"shared": [
${shared.map((each) => `  ${JSON.stringify(each)}`).join(',\n')}
]}
`);
