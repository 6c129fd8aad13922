import { defineEventHandler, readRawBody } from "h3";

export default defineEventHandler(async (event) => ({ size: (await readRawBody(event, false))?.length ?? 0 }));
