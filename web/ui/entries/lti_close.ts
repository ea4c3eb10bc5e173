// Tells the platform that opened this page that its registration is over (Dynamic Registration 1.0).

export {};

const platform = (window.opener ?? window.parent) as Window;
if (platform !== window) platform.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
