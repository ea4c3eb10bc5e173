// The invigilator's console.

import { render } from "preact";
import { Console } from "../console/app";
import { Desk } from "../console/desk";
import { bootData, byId } from "../lib/page";

const desk = new Desk(bootData());
render(<Console desk={desk} />, byId("console"));
void desk.start();
