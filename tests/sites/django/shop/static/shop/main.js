import { name } from "./name.js";

document.title = name;
