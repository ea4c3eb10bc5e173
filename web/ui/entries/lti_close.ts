// Tells the platform that opened this page that its registration is over (Dynamic Registration 1.0).

const opener = (window.opener ?? window.parent) as Window;
if (opener !== window) opener.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
