import { injectResponse } from "@analogjs/router/tokens";
import { Component } from "@angular/core";

@Component({ template: "<h1>Not here</h1>" })
export default class Missing {
  constructor() {
    const response = injectResponse();
    if (response) response.statusCode = 404;
  }
}
