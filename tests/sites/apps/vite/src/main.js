import "./main.css";
import logo from "./mark.svg?no-inline";

const { text } = await import("./later.js");
document.querySelector("#app").innerHTML = `<h1>${text} ${location.pathname}</h1><img src="${logo}">`;
