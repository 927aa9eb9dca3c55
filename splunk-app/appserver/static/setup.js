/* The set-up page of the app, joined from splunk-app/setup of its sources. */
"use strict";
(() => {
  // splunk-app/setup/elements.js
  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {}))
      if (typeof value === "function") made.addEventListener(name, value);
      else if (value !== void 0 && value !== false) made.setAttribute(name, value === true ? "" : value);
    made.append(...children.filter((child) => child !== void 0));
    return made;
  }
  var button = (text, attributes) => element("button", { type: "button", class: "kl-button", ...attributes }, text);
  function notice() {
    const made = element("p", { class: "kl-notice", role: "status", "aria-live": "polite", hidden: true });
    made.say = (tone, text) => {
      made.hidden = text === "";
      made.className = `kl-notice kl-${tone}`;
      made.textContent = text;
    };
    return made;
  }
  function field({ id, label, help, example, secret, check = () => "", control, optional }) {
    const key = `kl-${id}`;
    const box = control || element("input", {
      type: secret ? "password" : "text",
      autocomplete: secret ? "new-password" : "off",
      spellcheck: "false",
      autocapitalize: "off"
    });
    box.id = key;
    box.setAttribute("aria-describedby", `${key}-help ${key}-fault`);
    const fault = element("span", { id: `${key}-fault`, class: "kl-fault" });
    const hint = [help, example === void 0 ? void 0 : `Example: ${example}`].filter(Boolean).join(" ");
    const row = element(
      "div",
      { class: "kl-field" },
      element(
        "label",
        { for: key },
        label,
        optional ? element("span", { class: "kl-optional" }, " (optional)") : void 0
      ),
      box,
      element("span", { id: `${key}-help`, class: "kl-help" }, hint),
      fault
    );
    return {
      row,
      box,
      /** Trimmed, but for what may begin or end with a blank. */
      value: () => secret ? box.value : box.value.trim(),
      clear: () => {
        box.value = "";
      },
      tell: (text) => {
        fault.textContent = text;
        box.setAttribute("aria-invalid", text === "" ? "false" : "true");
      },
      fault() {
        const text = check(this.value());
        this.tell(text);
        return text;
      }
    };
  }
  function complete(fields) {
    const wrong = fields.filter((one) => one.fault() !== "");
    if (wrong.length > 0) wrong[0].box.focus();
    return wrong.length === 0;
  }
  function table(heads, rows) {
    const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
    rows.forEach((cells) => cells.forEach((cell, n) => cell.setAttribute("data-label", heads[n])));
    const body = element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells)));
    const made = element("table", { class: "kl-table" }, element("thead", {}, head), body);
    return element("div", { class: "kl-scroll" }, made);
  }
  function section(id, title, text, ...children) {
    const heading = element("h2", { id: `kl-${id}-title` }, title);
    return element(
      "section",
      { class: "kl-section", "aria-labelledby": heading.id },
      heading,
      element("p", { class: "kl-text" }, text),
      ...children
    );
  }
  function once(work) {
    let busy = false;
    return async (event) => {
      if (event !== void 0) event.preventDefault();
      if (busy) return;
      busy = true;
      try {
        await work();
      } finally {
        busy = false;
      }
    };
  }

  // splunk-app/setup/kinds.js
  var NAME = /^[a-zA-Z0-9_.-]{1,64}$/;
  var KINDS = [
    {
      realm: "kinloader_aws",
      option: "aws_credential",
      id: "aws",
      title: "AWS access keys",
      one: "access key",
      text: "For inputs that name a stored access key. Without one the usual places of the AWS SDK are asked: environment, shared files, instance role. A role is the better way where there is one.",
      fields: [
        { id: "key-id", label: "Access key ID", example: "AKIAIOSFODNN7EXAMPLE", check: keyIdFault },
        { id: "secret-key", label: "Secret access key", secret: true, check: secretKeyFault }
      ],
      password: ([accessKeyId, secretAccessKey]) => JSON.stringify({ accessKeyId, secretAccessKey })
    },
    {
      realm: "kinloader_hec",
      option: "hec_credential",
      id: "hec",
      title: "HEC tokens",
      one: "HEC token",
      text: "For inputs whose output is an HTTP Event Collector.",
      fields: [{ id: "token", label: "Token", secret: true, check: tokenFault }],
      password: ([token]) => token
    },
    {
      realm: "kinloader_proxy",
      option: "proxy",
      id: "proxy",
      title: "Proxies",
      one: "proxy",
      text: "HTTP proxies that ask for a user and a password. The address of one that does not can be written into the input itself.",
      fields: [
        { id: "address", label: "Address", example: "http://proxy.example.com:3128", check: addressFault },
        { id: "user", label: "User", check: (user) => user === "" ? "Type the user." : "" },
        { id: "password", label: "Password", secret: true, check: (word) => word === "" ? "Type the password." : "" }
      ],
      password: proxyAddress
    }
  ];
  function nameFault(name) {
    return NAME.test(name) ? "" : "A name has 1 to 64 letters, digits, dots, dashes and underscores.";
  }
  function keyIdFault(id) {
    if (/^ASIA/.test(id))
      return "Keys that begin with ASIA are of a session and end within hours. Use a key of an IAM user (AKIA…), or a role.";
    return /^[A-Z0-9]{16,128}$/.test(id) ? "" : "An access key ID has 16 to 128 capital letters and digits.";
  }
  function secretKeyFault(key) {
    return /^[\x21-\x7e]{8,200}$/.test(key) && !key.includes("****") ? "" : "A secret access key has 8 to 200 characters, no blanks, and is not the mask that Splunk shows.";
  }
  function tokenFault(token) {
    return /^[\x21-\x7e]{1,200}$/.test(token) && !token.includes("****") ? "" : "A token has 1 to 200 characters, no blanks, and is not the mask that Splunk shows.";
  }
  function addressFault(address) {
    const url = parsed(address);
    if (url === void 0 || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(address))
      return "An address looks like http://proxy.example.com:3128.";
    if (url.username !== "" || url.password !== "") return "Type user and password into their own fields.";
    return /^\/?$/.test(url.pathname) && url.search === "" && url.hash === "" ? "" : "An address ends with its port.";
  }
  function proxyAddress([address, user, password]) {
    const url = new URL(address);
    return `${url.protocol}//${encodeURIComponent(user)}:${encodeURIComponent(password)}@${url.host}`;
  }
  function parsed(address) {
    try {
      return new URL(address);
    } catch {
      return void 0;
    }
  }

  // splunk-app/setup/splunk-web.js
  var TIMEOUT_MS = 6e4;
  var prefix = (/^(.*?)\/(?:app|manager)\//.exec(window.location.pathname) || ["", "/en-US"])[1];
  function formKey() {
    const cookies = document.cookie.split(/;\s*/).map((cookie) => cookie.split("="));
    const tokens = cookies.filter(([name]) => /^splunkweb_csrf_token_\d+$/.test(name));
    const config = window.$C || {};
    const ports = [config.MRSPARKLE_PORT_NUMBER, window.location.port].map((port) => `splunkweb_csrf_token_${port}`);
    const token = tokens.find(([name]) => ports.includes(name)) || tokens[0];
    return token === void 0 ? "" : decodeURIComponent(token.slice(1).join("="));
  }
  var Refusal = class extends Error {
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  };
  async function splunkd(method, path, { fields, query = [], needs, hide = [] } = {}) {
    const parameters = new URLSearchParams([["output_mode", "json"], ...query]);
    const answer = await asked(`${prefix}/splunkd/__raw/${path}?${parameters}`, method, fields);
    const json = isJson(answer);
    if (answer.ok && !json) throw new Refusal(401, SESSION_OVER);
    if (!answer.ok) throw new Refusal(answer.status, inWords(answer.status, json ? await said(answer, hide) : "", needs));
    return method === "GET" ? (await answer.json()).entry || [] : [];
  }
  var isJson = (answer) => (answer.headers.get("content-type") || "").includes("json");
  async function asked(address, method, fields) {
    const form = fields === void 0 ? {} : { "Content-Type": "application/x-www-form-urlencoded" };
    try {
      return await fetch(address, {
        method,
        headers: { "X-Splunk-Form-Key": formKey(), "X-Requested-With": "XMLHttpRequest", ...form },
        body: fields === void 0 ? void 0 : new URLSearchParams(fields).toString(),
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS)
      });
    } catch {
      throw new Refusal(0, "Splunk Web does not answer. Check the connection and try again.");
    }
  }
  var SESSION_OVER = "Your session has ended. Log in to Splunk again, then reload this page.";
  async function said(answer, hide) {
    const { messages = [] } = await answer.json().catch(() => ({}));
    const text = messages.map((message) => String(message.text)).join(" ");
    const inForm = (secret) => new URLSearchParams([["", secret]]).toString().slice(1);
    const forms = hide.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      inForm(secret)
    ]);
    return forms.reduce((words, form) => form === "" ? words : words.split(form).join("…"), text);
  }
  function inWords(status, words, needs) {
    if (status === 401) return SESSION_OVER;
    if (status === 403)
      return `You are not allowed to do this. Ask an administrator to give your role the capability ${needs}, or reload this page if your session is old. ${words}`.trim();
    if (status === 404) return `It is not there any more: somebody else has removed it. ${words}`.trim();
    if (status === 502 || status === 503 || status === 504)
      return `Splunk is starting or busy. Try again in a minute. ${words}`.trim();
    return words === "" ? `Splunk answered with HTTP status ${status}. splunkd.log tells more.` : words;
  }

  // splunk-app/setup/splunkd.js
  var APP = "kinloader";
  var SCHEME = "kinesis_log";
  var PASSWORDS = `servicesNS/nobody/${APP}/storage/passwords`;
  var INPUTS = `servicesNS/nobody/${APP}/data/inputs/${SCHEME}`;
  var NEEDED_FOR_INPUTS = "admin_all_objects, or the one for this input";
  var passwordPath = (realm, name) => `${PASSWORDS}/${encodeURIComponent(`${[realm, name].map((part) => part.replace(/:/g, "\\:")).join(":")}:`)}`;
  async function storedNames() {
    const query = [
      ["count", "0"],
      ["f", "realm"],
      ["f", "username"]
    ];
    const entries = await splunkd("GET", PASSWORDS, { query, needs: "list_storage_passwords" });
    const names = /* @__PURE__ */ new Map();
    for (const { content = {} } of entries)
      names.set(content.realm, [...names.get(content.realm) || [], String(content.username)].sort());
    return names;
  }
  var addPassword = (realm, name, { password, hide }) => store(PASSWORDS, { name, realm, password }, hide);
  var replacePassword = (realm, name, { password, hide }) => store(passwordPath(realm, name), { password }, hide);
  var removePassword = (realm, name) => splunkd("DELETE", passwordPath(realm, name), { needs: "edit_storage_passwords" });
  var store = (path, fields, hide) => splunkd("POST", path, { fields, needs: "edit_storage_passwords", hide });
  async function inputs() {
    const fields = ["stream_name", "aws_region", "disabled", "aws_credential", "hec_credential", "proxy"];
    const query = [["count", "0"], ...fields.map((field2) => ["f", field2])];
    return splunkd("GET", `servicesNS/nobody/-/data/inputs/${SCHEME}`, { query, needs: NEEDED_FOR_INPUTS });
  }
  var createInput = (fields) => splunkd("POST", INPUTS, { fields, needs: NEEDED_FOR_INPUTS });
  var removeInput = (name) => splunkd("DELETE", `${INPUTS}/${encodeURIComponent(name)}`, { needs: NEEDED_FOR_INPUTS }).catch((error) => {
    if (error.status !== 404) throw error;
  });
  var finishSetup = () => splunkd("POST", `servicesNS/nobody/${APP}/apps/local/${APP}`, {
    fields: { configured: "true" },
    needs: "admin_all_objects"
  });

  // splunk-app/setup/state.js
  var state = { names: /* @__PURE__ */ new Map(), inputs: [], listeners: [] };
  var namesOf = (kind) => state.names.get(kind.realm) || [];
  var usersOf = (kind, name) => state.inputs.filter(({ content = {} }) => content[kind.option] === name).map((input) => input.name);
  var changed = () => state.listeners.forEach((listener) => listener());
  async function refresh() {
    state.names = await storedNames();
    changed();
  }

  // splunk-app/setup/connection-section.js
  var TEST_INPUT = "kinloader_connection_test";
  function chooser(kind, none) {
    const box = element("select", {});
    state.listeners.push(() => {
      const chosen = box.value;
      const options = namesOf(kind).map((name) => element("option", { value: name }, name));
      box.replaceChildren(element("option", { value: "" }, none), ...options);
      box.value = namesOf(kind).includes(chosen) ? chosen : "";
    });
    return box;
  }
  function testFields() {
    const [aws, hec, proxy] = KINDS;
    const none = "None: role, environment or files of the host";
    const needed = (text) => text === "" ? "Type the name or the ARN of a stream." : "";
    const hecUrl = "https://collector.example.com:8088";
    return {
      stream_name: field({ id: "test-stream", label: "Stream", example: "access-logs, or an ARN", check: needed }),
      aws_region: field({
        id: "test-region",
        label: "AWS region",
        example: "eu-central-1",
        help: "Not needed for an ARN."
      }),
      aws_credential: field({ id: "test-credential", label: "Access key", control: chooser(aws, none) }),
      aws_role_arn: field({ id: "test-role", label: "Role to assume", optional: true }),
      kinesis_endpoint: field({ id: "test-endpoint", label: "Kinesis endpoint", optional: true }),
      proxy: field({ id: "test-proxy", label: "Proxy", control: chooser(proxy, "None") }),
      hec_url: field({ id: "test-hec-url", label: "HEC URL", optional: true, example: hecUrl }),
      hec_credential: field({ id: "test-hec-token", label: "HEC token", control: chooser(hec, "None") })
    };
  }
  function connectionSection() {
    const fields = testFields();
    const told = notice();
    const submit = once(async () => {
      if (!complete([fields.stream_name])) return;
      told.say("busy", "Trying to connect. This takes up to ten seconds…");
      const values = Object.entries(fields).map(([name, one]) => [name, one.value()]);
      told.say(...await testConnection(values.filter(([, value]) => value !== "")));
    });
    const test = element("button", { type: "submit", class: "kl-button kl-primary" }, "Test connection");
    return section(
      "test",
      "Test connection",
      "Asks the input itself to reach the stream and the HTTP Event Collector, from this host. Nothing is read and nothing is kept.",
      element(
        "form",
        { class: "kl-form kl-columns", autocomplete: "off", novalidate: true, "aria-label": "Test connection", submit },
        ...Object.values(fields).map((one) => one.row),
        element("div", { class: "kl-actions kl-wide" }, test)
      ),
      told
    );
  }
  async function testConnection(values) {
    const given = Object.fromEntries(values);
    const output = given.hec_url === void 0 && given.hec_credential === void 0 ? "stdout" : "hec";
    const fixed = { name: TEST_INPUT, disabled: "1", check_connection: "1", initial_position: "STORED", output };
    let outcome;
    try {
      await removeInput(TEST_INPUT);
      await createInput({ ...given, ...fixed });
      outcome = ["good", "The connection works."];
    } catch (error) {
      outcome = ["bad", error.message];
    }
    try {
      await removeInput(TEST_INPUT);
    } catch (error) {
      const left = `The input ${TEST_INPUT}, made for this test and disabled, could not be removed: ${error.message}`;
      outcome = ["bad", `${outcome[1]} ${left}`];
    }
    return outcome;
  }

  // splunk-app/setup/inputs-section.js
  var isOff = (content) => /^(1|true|t|yes|y|on)$/i.test(String(content.disabled));
  function inputsSection() {
    const list = element("div", {});
    const page = `${prefix}/manager/${APP}/data/inputs/${SCHEME}`;
    const link = ({ name, acl = {} }) => {
      const path = `/servicesNS/nobody/${encodeURIComponent(acl.app || APP)}/data/inputs/${SCHEME}/${encodeURIComponent(name)}`;
      const query = new URLSearchParams({ action: "edit", ns: acl.app || APP, uri: path });
      return element("a", { href: `${page}/${encodeURIComponent(name)}?${query}` }, name);
    };
    const row = (input) => {
      const { stream_name: stream = "", aws_region: region = "" } = input.content || {};
      const off = isOff(input.content || {});
      return [
        element("td", { class: "kl-name" }, link(input)),
        element("td", {}, String(stream)),
        element("td", {}, String(region || "")),
        element(
          "td",
          {},
          element("span", { class: `kl-state ${off ? "kl-off" : "kl-on"}` }, off ? "Disabled" : "Enabled")
        )
      ];
    };
    state.listeners.push(() => {
      list.replaceChildren(
        state.inputs.length === 0 ? element("p", { class: "kl-empty" }, "No input is configured.") : table(["Name", "Stream", "Region", "State"], state.inputs.map(row))
      );
    });
    return section(
      "inputs",
      "Inputs",
      "Each reads one stream.",
      list,
      element(
        "p",
        { class: "kl-links" },
        element("a", { href: `${page}/_new?action=edit&ns=${APP}` }, "New input"),
        element("a", { href: page }, "All inputs")
      )
    );
  }

  // splunk-app/setup/stored-forms.js
  function storedForm(kind, name, { done, left }) {
    const isNew = name === void 0;
    const taken = (text) => `${text} is stored already: replace it in the list.`;
    const given = field({
      id: `${kind.id}-name`,
      label: "Name",
      help: "Inputs call it by this name.",
      check: (text) => nameFault(text) || (namesOf(kind).includes(text) ? taken(text) : "")
    });
    const fields = kind.fields.map((one) => field({ ...one, id: `${kind.id}-${one.id}` }));
    const asked2 = isNew ? [given, ...fields] : fields;
    const told = notice();
    const submit = once(async () => {
      if (!complete(asked2)) return;
      const target = isNew ? given.value() : name;
      const values = fields.map((one) => one.value());
      const password = kind.password(values);
      const hide = [password, ...values.filter((_, n) => kind.fields[n].secret)];
      told.say("busy", "Storing…");
      try {
        await (isNew ? addPassword : replacePassword)(kind.realm, target, { password, hide });
        fields.forEach((one) => one.clear());
        await done(isNew ? `Stored ${target}.` : `Replaced ${target}.`);
      } catch (error) {
        told.say("bad", error.status === 409 ? taken(target) : error.message);
      }
    });
    const leave = () => {
      fields.forEach((one) => one.clear());
      left();
    };
    const title = isNew ? `Add ${kind.one}` : `Replace ${kind.one} ${name}`;
    const send = element("button", { type: "submit", class: "kl-button kl-primary" }, isNew ? "Store" : "Replace");
    const made = element(
      "form",
      { class: "kl-form", autocomplete: "off", novalidate: true, "aria-label": title, submit, keydown: onEscape(leave) },
      element("h3", {}, title),
      ...asked2.map((one) => one.row),
      told,
      element("div", { class: "kl-actions" }, send, button("Cancel", { click: leave }))
    );
    return { element: made, focus: () => asked2[0].box.focus() };
  }
  function removalForm(kind, name, { done, left }) {
    const users = usersOf(kind, name);
    const used = users.length === 0 ? "" : ` It is used by ${users.join(", ")}, which will stop with an error.`;
    const told = notice();
    const remove = once(async () => {
      try {
        await removePassword(kind.realm, name);
        await done(`Removed ${name}.`);
      } catch (error) {
        told.say("bad", error.message);
      }
    });
    const really = button(`Remove ${name}`, { class: "kl-button kl-danger", click: remove });
    const made = element(
      "div",
      { class: "kl-form", role: "group", "aria-label": `Remove ${name}`, keydown: onEscape(left) },
      element("p", {}, `Remove the ${kind.one} ${name}?${used}`),
      told,
      element("div", { class: "kl-actions" }, really, button("Keep it", { click: left }))
    );
    return { element: made, focus: () => really.focus() };
  }
  var onEscape = (leave) => (event) => {
    if (event.key === "Escape") leave();
  };

  // splunk-app/setup/stored-section.js
  function storedSection(kind) {
    const list = element("div", {});
    const place = element("div", {});
    const told = notice();
    const add = button(`Add ${kind.one}`, { click: () => open(storedForm(kind, void 0, ends(void 0))) });
    function open(form) {
      told.say("good", "");
      place.replaceChildren(form.element);
      add.hidden = true;
      form.focus();
    }
    function close(name) {
      place.replaceChildren();
      add.hidden = false;
      const buttons = [...list.querySelectorAll("button")];
      (buttons.find((one) => one.dataset.name === name) || add).focus();
    }
    const ends = (name) => ({
      done: async (text) => {
        await refresh();
        close(name);
        told.say("good", text);
      },
      left: () => close(name)
    });
    const act = (text, name, form) => {
      const click = () => open(form(kind, name, ends(name)));
      return button(text, { click, "aria-label": `${text} ${name}`, "data-name": name });
    };
    const row = (name) => [
      element("td", { class: "kl-name" }, name),
      element("td", {}, usersOf(kind, name).join(", ") || "no input"),
      element("td", { class: "kl-actions" }, act("Replace", name, storedForm), act("Remove", name, removalForm))
    ];
    state.listeners.push(() => {
      const names = namesOf(kind);
      list.replaceChildren(
        names.length === 0 ? element("p", { class: "kl-empty" }, `No ${kind.one} is stored.`) : table(["Name", "Used by", "Actions"], names.map(row))
      );
    });
    return section(kind.id, kind.title, kind.text, list, told, place, add);
  }

  // splunk-app/setup/page.js
  function finishSection() {
    const told = notice();
    const finish = button("Finish set-up", {
      class: "kl-button kl-primary",
      click: once(async () => {
        told.say("busy", "Saving…");
        try {
          await finishSetup();
          told.say("good", "Set-up is finished. This page stays in the menu of the app.");
        } catch (error) {
          told.say("bad", error.message);
        }
      })
    });
    return section(
      "finish",
      "Finish",
      "Tells Splunk that this app is set up, so that it opens with its dashboards.",
      told,
      finish
    );
  }
  function theme(from) {
    for (let one = from; one !== null; one = one.parentElement) {
      const parts = (getComputedStyle(one).backgroundColor.match(/[\d.]+/g) || []).map(Number);
      if (parts.length >= 3 && parts[3] !== 0)
        return parts[0] * 0.3 + parts[1] * 0.6 + parts[2] * 0.1 < 128 ? "dark" : "light";
    }
    return "light";
  }
  async function show(root) {
    const told = notice();
    root.className = "kl-page";
    root.dataset.theme = theme(root.parentElement);
    root.replaceChildren(
      element(
        "p",
        { class: "kl-intro" },
        "Inputs name what they need from here; the secrets stay in the encrypted password storage of Splunk, and this page never shows them."
      ),
      told,
      ...KINDS.map(storedSection),
      connectionSection(),
      inputsSection(),
      finishSection()
    );
    changed();
    const failed = [];
    const keep = (error) => failed.push(error.message);
    state.names = await storedNames().catch((error) => keep(error) && state.names);
    state.inputs = await inputs().catch((error) => keep(error) && state.inputs);
    if (state.inputs.some(({ name }) => name === TEST_INPUT)) await removeInput(TEST_INPUT).catch(keep);
    state.inputs = state.inputs.filter(({ name }) => name !== TEST_INPUT);
    changed();
    if (failed.length > 0) told.say("bad", [...new Set(failed)].join(" "));
    root.dataset.ready = "true";
  }
  function whenThere(begin) {
    const look = () => {
      const root = document.getElementById("kinloader-setup");
      if (root === null) return false;
      begin(root);
      return true;
    };
    if (look()) return;
    const observer = new MutationObserver(() => {
      if (look()) observer.disconnect();
    });
    observer.observe(document.documentElement, { childList: true, subtree: true });
  }
  whenThere((root) => void show(root));
})();
