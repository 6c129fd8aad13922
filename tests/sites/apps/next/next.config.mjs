export default { images: { localPatterns: [{ pathname: "/**" }] } };
