// A Node function beside the Python ones: an SVG badge that says where the photos are.
export const handler = async (event) => {
  const label = event.queryStringParameters?.label ?? "photos";
  const safe = label.replace(/[<>&"']/g, "");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="160" height="24"><title>${process.env.PHOTOS_URL}</title>` +
    `<rect width="160" height="24" rx="4" fill="#334155"/><text x="12" y="16" fill="#fff" font-size="12">${safe}: Node ${process.versions.node}</text></svg>`;
  return { statusCode: 200, headers: { "content-type": "image/svg+xml" }, body: svg };
};
