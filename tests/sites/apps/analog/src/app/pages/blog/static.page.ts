import { Component } from "@angular/core";
import { fromServer } from "../../from-server";

@Component({ template: `<h1>Post static</h1><p id="made">{{ made }}</p>` })
export default class Static {
  made = fromServer("made", () => new Date().toISOString());
}
