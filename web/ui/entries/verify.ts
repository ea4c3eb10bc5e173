// The page that checks a record in the browser.

import { start } from "../verify/page";

void start();
