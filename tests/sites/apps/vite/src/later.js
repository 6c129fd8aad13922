export const text = "at";
