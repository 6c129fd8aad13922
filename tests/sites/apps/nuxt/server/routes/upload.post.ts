export default defineEventHandler(async (event) => ({ size: (await readRawBody(event, false))?.length ?? 0 }));
