// What every page starts from: the data that it carries, and how elements and numbers are made. The scripts of a page
// share `dcp`.
"use strict";

const dcp = {};

(() => {
  dcp.data = JSON.parse(document.getElementById("data").textContent);

  dcp.byId = (id) => document.getElementById(id);

  // An element with text and children; strings become text, never markup.
  dcp.element = (name, attributes = {}, ...children) => {
    const svg = ["svg", "path", "text", "line", "rect", "circle", "g"].includes(name);
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  dcp.color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  dcp.number = (value, digits = 1) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  dcp.percent = (share) => `${dcp.number(100 * share)} %`;

  // One of the large numbers at the head of the page.
  dcp.addNumber = (name, value, note) => {
    const big = dcp.element("span", { class: "big" }, value);
    dcp.byId("numbers").append(
      dcp.element("div", {}, dcp.element("dt", {}, name), dcp.element("dd", {}, big, dcp.element("small", {}, note))),
    );
  };

  // Cells are texts, or elements that stand as they are; the first of a row is its head.
  dcp.fillTable = (table, heads, rows) => {
    const { element } = dcp;
    const cell = (content) => (content instanceof Element ? content : element("td", {}, content));
    const row = ([first, ...rest]) => element("tr", {}, element("th", { scope: "row" }, first), ...rest.map(cell));
    const head = heads.map((text) => element("th", { scope: "col" }, text));
    table.append(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows.map(row)));
  };
})();
