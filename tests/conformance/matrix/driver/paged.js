"use strict";

// Joins clients in a page, after the scripts of their protocol and members.js. What they hear is reported in lots, one at a time.

(() => {
    const {Talk, client} = conformance;

    conformance.library = ({way}) => (way === "sockjs" ? client() : {Talk, io: client()});

    conformance.enter = async (member) => {
        const heard = [];
        let reporting = false;

        async function hear(...message) {
            heard.push(message);
            if (reporting) {
                return;
            }
            reporting = true;
            while (heard.length) {
                await report({heard: member.name, messages: heard.splice(0)});
            }
            reporting = false;
        }

        await conformance.join(member, hear, (loss) => report({failed: member.name, error: loss}));
    };
})();
